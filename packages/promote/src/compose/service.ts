import type { ProblemList } from '../problem.ts';
import { asMap } from './merge.ts';
import type {
  ComposeService,
  Dependency,
  EnvironmentVariable,
  HealthCheck,
  ServiceResources,
} from './model.ts';
import { readPorts } from './ports.ts';
import { parseBytes, parseDuration } from './quantities.ts';
import { type ComposeNode, child, entryOf, type MapEntry, type MapNode, pathOf, textOf } from './tree.ts';
import { readVolumes } from './volumes.ts';
import { splitWords } from './words.ts';

export interface ServiceContext {
  readonly profiles: ReadonlySet<string>;
  readonly problems: ProblemList;
  /** Variables of an `env_file`, or `undefined` when the file is not at hand. */
  readonly envFile: (path: string) => readonly EnvironmentVariable[] | undefined;
  readonly onMissingEnvFile: (path: string, node: ComposeNode) => void;
}

/** Reads one service; `undefined` when its value is not a mapping. */
export function readService(entry: MapEntry, context: ServiceContext): ComposeService | undefined {
  const path = pathOf('services', entry.key);
  const node = entry.node;
  const wrong = (item: ComposeNode, what: string): void =>
    context.problems.add({
      code: 'PROMOTE_COMPOSE_SHAPE',
      message: `${path}: ${what}`,
      hint: 'Compare it with the Compose specification.',
      position: item.position,
    });
  if (node.kind !== 'map') {
    wrong(node, 'a service is a mapping');
    return undefined;
  }
  const profiles = textsOf(child(node, 'profiles'));
  return {
    name: entry.key,
    path,
    position: entry.keyPosition,
    node,
    profiles,
    isEnabled: profiles.length === 0 || profiles.some((profile) => context.profiles.has(profile)),
    image: textOf(child(node, 'image')),
    hasBuild: child(node, 'build') !== undefined,
    entrypoint: wordsOf(child(node, 'entrypoint')),
    command: wordsOf(child(node, 'command')),
    environment: readEnvironment(node, path, context, wrong),
    ports: readPorts(child(node, 'ports'), `${path}.ports`, (item, text) =>
      wrong(item, `${text} is no port`),
    ),
    expose: textsOf(child(node, 'expose')).flatMap((text) => {
      const port = Number(text.split('/')[0]);
      return Number.isInteger(port) && port > 0 && port < 65_536 ? [port] : [];
    }),
    volumes: readVolumes(child(node, 'volumes'), `${path}.volumes`, (item, text) =>
      wrong(item, `${text} is no mount`),
    ),
    healthcheck: readHealthCheck(node, path),
    dependsOn: readDependencies(child(node, 'depends_on'), `${path}.depends_on`),
    resources: readResources(node),
    restart: textOf(child(node, 'restart')),
    stopGraceSeconds: parseDuration(textOf(child(node, 'stop_grace_period')) ?? ''),
    postStart: firstHook(child(node, 'post_start')),
    preStop: firstHook(child(node, 'pre_stop')),
    configs: readConfigs(child(node, 'configs'), `${path}.configs`),
    hostAliases: readHostAliases(child(node, 'extra_hosts')),
  };
}

/** The texts of a list, or of a single scalar. */
function textsOf(node: ComposeNode | undefined): string[] {
  if (node?.kind === 'list') return node.items.flatMap((item) => textOf(item) ?? []);
  const text = textOf(node);
  return text === undefined ? [] : [text];
}

function wordsOf(node: ComposeNode | undefined): string[] | undefined {
  if (node === undefined || (node.kind === 'scalar' && node.value === null)) return undefined;
  return node.kind === 'scalar' ? splitWords(node.text) : textsOf(node);
}

function readEnvironment(
  node: MapNode,
  path: string,
  context: ServiceContext,
  wrong: (item: ComposeNode, what: string) => void,
): EnvironmentVariable[] {
  const variables = new Map<string, EnvironmentVariable>();
  for (const item of envFilesOf(child(node, 'env_file'))) {
    const entries = context.envFile(item.path);
    if (entries === undefined && item.isRequired) context.onMissingEnvFile(item.path, item.node);
    for (const entry of entries ?? []) variables.set(entry.name, entry);
  }
  const environment = child(node, 'environment');
  if (environment === undefined || (environment.kind === 'scalar' && environment.value === null)) {
    return [...variables.values()];
  }
  const isList = environment.kind === 'list';
  const map = asMap(environment);
  if (map === undefined) {
    wrong(environment, 'environment is a mapping or a list of NAME=value');
    return [...variables.values()];
  }
  for (const [at, entry] of map.entries.entries()) {
    if (entry.node.kind !== 'scalar') {
      wrong(entry.node, `the value of the variable ${entry.key} is not a text`);
      continue;
    }
    variables.set(entry.key, {
      name: entry.key,
      value: entry.node.value === null ? null : entry.node.text,
      path: isList ? pathOf(`${path}.environment`, at) : pathOf(`${path}.environment`, entry.key),
      position: entry.keyPosition,
      anchor: entry.anchor,
    });
  }
  return [...variables.values()];
}

function envFilesOf(
  node: ComposeNode | undefined,
): { path: string; isRequired: boolean; node: ComposeNode }[] {
  const items = node?.kind === 'list' ? node.items : node === undefined ? [] : [node];
  return items.flatMap((item) => {
    const path = item.kind === 'map' ? textOf(child(item, 'path')) : textOf(item);
    if (path === undefined) return [];
    return [{ path, isRequired: textOf(child(item, 'required')) !== 'false', node: item }];
  });
}

function readHealthCheck(service: MapNode, path: string): HealthCheck | undefined {
  const entry = entryOf(service, 'healthcheck');
  if (entry?.node.kind !== 'map') return undefined;
  const node = entry.node;
  const test = child(node, 'test');
  const words = test?.kind === 'list' ? textsOf(test) : undefined;
  const line = test?.kind === 'scalar' ? textOf(test) : words?.[0] === 'CMD-SHELL' ? words[1] : undefined;
  const isOff = textOf(child(node, 'disable')) === 'true' || words?.[0] === 'NONE';
  const argv = words?.[0] === 'CMD' ? words.slice(1) : [];
  const seconds = (key: string, preset: number): number =>
    parseDuration(textOf(child(node, key)) ?? '') ?? preset;
  const retries = Number(textOf(child(node, 'retries')) ?? 3);
  return {
    command: isOff ? [] : line === undefined ? argv : ['sh', '-c', line],
    isShell: line !== undefined,
    intervalSeconds: seconds('interval', 30),
    timeoutSeconds: seconds('timeout', 30),
    retries: Number.isInteger(retries) && retries > 0 ? retries : 3,
    startPeriodSeconds: seconds('start_period', 0),
    path: `${path}.healthcheck`,
    position: entry.keyPosition,
  };
}

function readDependencies(node: ComposeNode | undefined, path: string): Dependency[] {
  if (node?.kind === 'list') {
    return node.items.flatMap((item, at): Dependency[] => {
      const service = textOf(item);
      if (service === undefined) return [];
      const place = { path: pathOf(path, at), position: item.position };
      return [{ service, condition: 'service_started', isRequired: true, ...place }];
    });
  }
  if (node?.kind !== 'map') return [];
  return node.entries.map((entry): Dependency => {
    const condition = textOf(child(entry.node, 'condition'));
    return {
      service: entry.key,
      condition:
        condition === 'service_healthy' || condition === 'service_completed_successfully'
          ? condition
          : 'service_started',
      isRequired: textOf(child(entry.node, 'required')) !== 'false',
      path: pathOf(path, entry.key),
      position: entry.keyPosition,
    };
  });
}

function readResources(node: MapNode): ServiceResources {
  const deploy = child(node, 'deploy');
  const resources = child(deploy, 'resources');
  const limits = child(resources, 'limits');
  const reservations = child(resources, 'reservations');
  const cpus =
    textOf(child(limits, 'cpus')) ?? textOf(child(reservations, 'cpus')) ?? textOf(child(node, 'cpus'));
  const memory =
    textOf(child(limits, 'memory')) ??
    textOf(child(reservations, 'memory')) ??
    textOf(child(node, 'mem_limit'));
  const replicas = textOf(child(deploy, 'replicas')) ?? textOf(child(node, 'scale'));
  const positive = (text: string | undefined): number | undefined =>
    text !== undefined && Number(text) > 0 ? Number(text) : undefined;
  return {
    cpus: positive(cpus),
    memoryBytes: memory === undefined ? undefined : parseBytes(memory),
    replicas: positive(replicas),
  };
}

function firstHook(node: ComposeNode | undefined): string[] | undefined {
  return node?.kind === 'list' ? wordsOf(child(node.items[0], 'command')) : undefined;
}

function readConfigs(
  node: ComposeNode | undefined,
  path: string,
): { source: string; target: string; path: string }[] {
  if (node?.kind !== 'list') return [];
  return node.items.flatMap((item, at) => {
    const source = item.kind === 'map' ? textOf(child(item, 'source')) : textOf(item);
    if (source === undefined) return [];
    return [{ source, target: textOf(child(item, 'target')) ?? `/${source}`, path: pathOf(path, at) }];
  });
}

function readHostAliases(node: ComposeNode | undefined): { name: string; address: string }[] {
  if (node?.kind === 'map') {
    return node.entries.flatMap((entry) =>
      textsOf(entry.node).map((address) => ({ name: entry.key, address })),
    );
  }
  return textsOf(node).flatMap((text) => {
    const parts = /^([^:=\s]+)[:=]\s*\[?([0-9a-zA-Z.:-]+)\]?$/.exec(text);
    return parts?.[1] === undefined || parts[2] === undefined ? [] : [{ name: parts[1], address: parts[2] }];
  });
}
