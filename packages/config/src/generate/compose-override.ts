import { Document, isCollection } from 'yaml';
import type { ComponentPlan, Plan } from '../plan/plan.ts';
import type { ComponentName } from '../schema/components.ts';
import type { Config } from '../schema/schema.ts';
import { databaseEnvironment } from './database-environment.ts';
import { type GeneratedFile, madeBy } from './file.ts';
import { type StackSecrets, secretVariables } from './secrets.ts';
import { slsEnvironment } from './sls-environment.ts';

/** Names of the components in Dify's Compose file. */
const serviceNames = {
  api: 'api',
  apiWebsocket: 'api_websocket',
  worker: 'worker',
  workerBeat: 'worker_beat',
  pluginDaemon: 'plugin_daemon',
} as const satisfies Record<ComponentName, string>;

/** How containers call the machine on which the stack runs. */
const stackHost = 'host.docker.internal';
/** Name of the emulator inside the containers; the project's name stands before it in every request. */
const slsHost = 'sls.sampan';

const header = [
  ...madeBy,
  '',
  "Points the services of Dify's Compose file at the stack of `pnpm dev`. In Dify's docker folder:",
  '  docker compose -f docker-compose.yaml -f PATH/compose.override.yaml up',
  'Docker Desktop leads host.docker.internal to the loopback addresses of this machine. Docker Engine on Linux',
  'leads it to the bridge instead, where the stack does not listen; there, run Dify from source with',
  '`pnpm sampan exec`. Needs Docker Compose 2.24.4 or newer.',
];

const secretNote = [
  '',
  `First set ${Object.values(secretVariables).join(', ')}`,
  'from .sampan/secrets.json, which the first `pnpm dev` makes; nothing secret is in this file.',
];

export interface ComposeOverrideOptions {
  readonly config: Config;
  readonly plan: Plan;
  readonly secrets?: StackSecrets | undefined;
}

/** The Compose file to put over Dify's own, so that its components use proxy and emulator with the planned values. */
export function generateComposeOverride(options: ComposeOverrideOptions): GeneratedFile {
  const services: Record<string, unknown> = {};
  for (const component of options.plan.components) {
    services[serviceNames[component.name]] = serviceOf(options, component);
  }
  // The stack brings its own PostgreSQL; the profile keeps Dify's from starting beside it.
  services['db_postgres'] = { profiles: ['replaced-by-sampan'] };
  const document = new Document({ services });
  const profiles = document.getIn(['services', 'db_postgres', 'profiles'], true);
  if (isCollection(profiles)) {
    profiles.tag = '!override';
    profiles.flow = true;
  }
  const note = options.secrets === undefined ? secretNote : [];
  document.commentBefore = [...header, ...note].map((line) => (line === '' ? '' : ` ${line}`)).join('\n');
  return { path: 'compose.override.yaml', text: document.toString({ lineWidth: 0 }) };
}

function serviceOf(
  { config, plan, secrets }: ComposeOverrideOptions,
  component: ComponentPlan,
): Record<string, unknown> {
  const isPython = component.name !== 'pluginDaemon';
  const usesSls = isPython && config.sls.enabled;
  const database = databaseEnvironment({ config, plan, component: component.name, host: stackHost, secrets });
  // An endpoint with a port is one that Dify's PostgreSQL mode cannot use, so records travel over HTTP.
  const endpoint = `http://${slsHost}:${config.sls.httpPort}`;
  const sls = usesSls ? slsEnvironment({ config, endpoint, pgMode: false, secrets }) : {};
  const variables = { ...database, ...component.variables, ...sls };
  const names = [stackHost, ...(usesSls ? [slsHost, `${config.sls.project}.${slsHost}`] : [])];
  return {
    environment: secrets === undefined ? requireReferences(variables) : escapeDollars(variables),
    extra_hosts: names.map((name) => `${name}:host-gateway`),
    ...(component.replicas === 1 ? {} : { deploy: { replicas: component.replicas } }),
  };
}

/** Makes Compose stop with a sentence instead of starting a service with an empty password. */
function requireReferences(variables: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(variables).map(([name, value]) => [
    name,
    value.replace(/^\$\{(\w+)\}$/, (_, variable: string) => `\${${variable}:?see .sampan/secrets.json}`),
  ]);
  return Object.fromEntries(entries) as Record<string, string>;
}

/** Compose takes a single dollar for the beginning of a reference. */
function escapeDollars(variables: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [name, value.replaceAll('$', '$$$$')]),
  );
}
