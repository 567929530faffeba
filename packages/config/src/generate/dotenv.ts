import type { ComponentPlan, Plan } from '../plan/plan.ts';
import type { ComponentName } from '../schema/components.ts';
import type { Config } from '../schema/schema.ts';
import { databaseEnvironment } from './database-environment.ts';
import { commentLines, type GeneratedFile, madeBy } from './file.ts';
import { type StackSecrets, secretVariables } from './secrets.ts';
import { slsEnvironment } from './sls-environment.ts';

export interface DotenvOptions {
  readonly config: Config;
  readonly plan: Plan;
  readonly secrets?: StackSecrets | undefined;
}

const host = '127.0.0.1';

const secretNote = [
  '',
  `The values of ${Object.values(secretVariables).join(', ')}`,
  'are in .sampan/secrets.json from the first `pnpm dev` on; nothing secret is in this file. `pnpm sampan exec --',
  'COMMAND` runs a program with all of these variables set, secrets included, and needs no file.',
];

const fileNames = {
  apiWebsocket: 'dify.api-websocket.env',
  worker: 'dify.worker.env',
  workerBeat: 'dify.worker-beat.env',
  pluginDaemon: 'dify.plugin-daemon.env',
} as const satisfies Record<Exclude<ComponentName, 'api'>, string>;

/**
 * `dify.env` for the api, complete with the worker's own variables; and for every other component a short file
 * that is loaded after it, with what differs.
 */
export function generateDotenv(options: DotenvOptions): GeneratedFile[] {
  const { config, plan, secrets } = options;
  const [api, ...others] = plan.components;
  if (api === undefined) return [];
  const database = databaseEnvironment({ config, plan, component: 'api', host, secrets });
  const shared = Object.assign({}, ...others.map(ownVariables)) as Record<string, string>;
  const sections: [string, Record<string, string>][] = [
    [
      plan.route === 'proxy' ? 'PostgreSQL, through the port of the api at the pool proxy' : 'PostgreSQL',
      database,
    ],
    ['Processes and pools, as planned', { ...shared, ...api.variables }],
  ];
  if (config.sls.enabled) {
    const endpoint = localEndpoint(config);
    sections.push(['SLS', slsEnvironment({ config, ...endpoint, secrets })]);
  }
  const text = sections.map(([title, variables]) => `\n# ${title}\n${assignments(variables)}`).join('');
  const note = secrets === undefined ? secretNote : [];
  const main = { path: 'dify.env', text: `${commentLines([...madeBy, ...note])}${text}` };
  return [
    main,
    ...others.map((component) =>
      differences(options, component, { ...shared, ...api.variables, ...database }),
    ),
  ];
}

/**
 * Dify's PostgreSQL mode tries port 5432 of the endpoint's host, and its SDK leaves the project prefix out only for
 * a bare IPv4 address, whose port is then 80. Without such an address a name and a port serve HTTP alone.
 */
function localEndpoint({ sls }: Config): { endpoint: string; pgMode: boolean } {
  return sls.address === false
    ? { endpoint: `localhost:${sls.httpPort}`, pgMode: false }
    : { endpoint: sls.address, pgMode: true };
}

/** Variables that no other component reads, so that they may stand in the shared file. */
function ownVariables({ name, variables }: ComponentPlan): Record<string, string> {
  if (name !== 'worker') return {};
  return Object.fromEntries(Object.entries(variables).filter(([key]) => key.startsWith('CELERY_')));
}

function differences(
  { config, plan }: DotenvOptions,
  component: ComponentPlan,
  base: Readonly<Record<string, string>>,
): GeneratedFile {
  const name = component.name as keyof typeof fileNames;
  const { DB_PORT = '', DB_DATABASE = '' } = databaseEnvironment({ config, plan, component: name, host });
  const all = { DB_PORT, DB_DATABASE, ...component.variables };
  const differing = Object.fromEntries(Object.entries(all).filter(([key, value]) => base[key] !== value));
  const title = `For ${name}: load it after dify.env.`;
  return {
    path: fileNames[name],
    text: `${commentLines([...madeBy, '', title])}\n${assignments(differing)}`,
  };
}

function assignments(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => `${name}=${quote(value)}\n`)
    .join('');
}

/** Readers of `.env` files agree on single quotes, which take everything literally but themselves. */
function quote(value: string): string {
  if (/^[\w./:@%+,-]*$/.test(value) || /^\$\{\w+\}$/.test(value)) return value;
  if (!value.includes("'")) return `'${value}'`;
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('$', '\\$')}"`;
}
