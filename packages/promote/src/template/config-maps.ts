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
 * Splits the variables into maps: what comes through one anchor with one value in every application that uses the
 * anchor is shared, everything else is the application's own. A name stands in one map of an application only, so the
 * order of imports does not matter.
 */
export function variableMaps(want: Want): VariableMap[] {
  const maps: VariableMap[] = [];
  const shared = new Map<string, Set<string>>();
  for (const source of sharedSources(want.applications)) {
    const users = want.applications.filter(({ variables }) => variables.some((v) => v.sharedBy === source));
    const names = users.length < 2 ? [] : commonVariables(users, source);
    for (const user of users) {
      const known = shared.get(user.service) ?? new Set();
      for (const { name } of names) known.add(name);
      shared.set(user.service, known);
    }
    maps.push(
      ...mapsOf(
        /^shared/i.test(source) ? source : `shared ${source}`,
        names,
        users.map((user) => user.service),
      ),
    );
  }
  for (const application of want.applications) {
    const taken = shared.get(application.service) ?? new Set();
    const own = application.variables.filter((variable) => !taken.has(variable.name));
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

function commonVariables(users: readonly WantApplication[], source: string): WantVariable[] {
  const [first, ...rest] = users;
  return (first?.variables ?? []).filter((variable) => {
    if (variable.sharedBy !== source) return false;
    const text = JSON.stringify(variable.value);
    return rest.every((user) =>
      user.variables.some(
        (other) =>
          other.name === variable.name && other.sharedBy === source && JSON.stringify(other.value) === text,
      ),
    );
  });
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
