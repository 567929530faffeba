import type { Want, WantApplication, WantVariable } from '../mapping/want.ts';
import type { Resources } from './network.ts';
import { getAtt, logicalId, type RosValue, type TextPart } from './ros.ts';

/** A ConfigMap or Secret that applications import whole. */
export interface VariableMap {
  readonly id: string;
  readonly kind: 'config' | 'secret';
  /** Letters and digits only: the one form on which the vendor's pages and templates agree. */
  readonly name: string;
  readonly data: Readonly<Record<string, RosValue>>;
  readonly applications: readonly string[];
}

/**
 * Splits the variables into maps: what comes through one anchor with one value into the same applications is one shared
 * map, everything else is the application's own. A name stands in one map of an application only, so the order of
 * imports does not matter.
 */
export function variableMaps(want: Want): VariableMap[] {
  const maps: VariableMap[] = [];
  const taken = new Map(want.applications.map(({ service }) => [service, new Set<string>()]));
  for (const source of sharedSources(want.applications)) {
    const title = /^shared/i.test(source) ? source : `shared ${source}`;
    for (const [at, group] of sharedGroups(want.applications, source).entries()) {
      for (const service of group.services) {
        for (const { name } of group.variables) taken.get(service)?.add(name);
      }
      maps.push(...mapsOf(at === 0 ? title : `${title} ${at + 1}`, group.variables, group.services));
    }
  }
  for (const application of want.applications) {
    const own = application.variables.filter(
      ({ name }) => taken.get(application.service)?.has(name) !== true,
    );
    maps.push(...mapsOf(application.service, own, [application.service]));
  }
  return maps;
}

function sharedSources(applications: readonly WantApplication[]): string[] {
  const sources = applications.flatMap(({ variables }) =>
    variables.flatMap(({ sharedBy }) => sharedBy ?? []),
  );
  return [...new Set(sources)];
}

/** Fewer variables than this are not worth a map that several applications import. */
const sharedVariablesMin = 4;

interface SharedGroup {
  readonly services: readonly string[];
  readonly variables: WantVariable[];
}

/** Variables of one anchor by who has them with the same value; the group with the most users first. */
function sharedGroups(applications: readonly WantApplication[], source: string): SharedGroup[] {
  const users = new Map<string, { variable: WantVariable; services: string[] }>();
  for (const { service, variables } of applications) {
    for (const variable of variables) {
      if (variable.sharedBy !== source) continue;
      const key = `${variable.name} ${variable.isSecret} ${JSON.stringify(variable.value)}`;
      const entry = users.get(key) ?? { variable, services: [] };
      entry.services.push(service);
      users.set(key, entry);
    }
  }
  const groups = new Map<string, SharedGroup>();
  for (const { variable, services } of users.values()) {
    if (services.length < 2) continue;
    const key = services.join(' ');
    const group = groups.get(key) ?? { services, variables: [] };
    group.variables.push(variable);
    groups.set(key, group);
  }
  return [...groups.values()]
    .filter(({ variables }) => variables.length >= sharedVariablesMin)
    .sort((a, b) => b.services.length - a.services.length);
}

function mapsOf(
  title: string,
  variables: readonly WantVariable[],
  applications: readonly string[],
): VariableMap[] {
  const id = logicalId(title);
  const name = id.toLowerCase();
  return (['config', 'secret'] as const).flatMap((kind) => {
    const chosen = variables.filter(
      ({ isSecret, value }) => isSecret === (kind === 'secret') && value !== '',
    );
    if (chosen.length === 0) return [];
    const data = Object.fromEntries(chosen.map((variable) => [variable.name, variable.value]));
    return [{ id: `${kind === 'config' ? 'Config' : 'Secret'}${id}`, kind, name, data, applications }];
  });
}

/** The maps as resources. */
export function mapResources(maps: readonly VariableMap[]): Resources {
  const resources: Resources = {};
  for (const map of maps) {
    const namespace = getAtt('Namespace', 'NamespaceId');
    resources[map.id] =
      map.kind === 'config'
        ? {
            Type: 'ALIYUN::SAE::ConfigMap',
            Properties: { NamespaceId: namespace, Name: map.name, Data: map.data },
          }
        : {
            Type: 'ALIYUN::SAE::Secret',
            Properties: {
              NamespaceId: namespace,
              SecretName: map.name,
              SecretType: 'Opaque',
              SecretData: map.data,
            },
          };
  }
  return resources;
}

/** The `Envs` that import the maps of one application whole: reserved names of SAE, ids known at deployment. */
export function importParts(maps: readonly VariableMap[], application: WantApplication): TextPart[] {
  const used = maps.filter((map) => map.applications.includes(application.service));
  const parts: TextPart[] = ['['];
  for (const [at, map] of used.entries()) {
    const isConfig = map.kind === 'config';
    const name = `sae-sys-${isConfig ? 'configmap' : 'secret'}-all-${map.name}`;
    parts.push(
      `${at === 0 ? '' : ','}{"name":"${name}","valueFrom":{"${isConfig ? 'configMapRef' : 'secretRef'}":{"${
        isConfig ? 'configMapId' : 'secretId'
      }":`,
      { name: map.id, value: getAtt(map.id, isConfig ? 'ConfigMapId' : 'SecretId') },
      ',"key":""}}}',
    );
  }
  // The vendor's own template names empty variables one by one and keeps them out of its ConfigMaps.
  const empty = application.variables
    .filter(({ value }) => value === '')
    .map(({ name }) => JSON.stringify({ name }));
  if (empty.length > 0) parts.push(`${used.length === 0 ? '' : ','}${empty.join(',')}`);
  return [...parts, ']'];
}
