import { devstackErrors } from './errors.ts';
import type { Addresses, SlsAddress } from './state.ts';

export const environmentFormats = ['shell', 'dotenv', 'json'] as const;
export type EnvironmentFormat = (typeof environmentFormats)[number];

/** Repository classes that make Dify keep its workflow records in SLS instead of PostgreSQL (Dify 1.11.2 and later). */
const logstoreRepositories = {
  CORE_WORKFLOW_EXECUTION_REPOSITORY:
    'extensions.logstore.repositories.logstore_workflow_execution_repository.LogstoreWorkflowExecutionRepository',
  CORE_WORKFLOW_NODE_EXECUTION_REPOSITORY:
    'extensions.logstore.repositories.logstore_workflow_node_execution_repository.LogstoreWorkflowNodeExecutionRepository',
  API_WORKFLOW_RUN_REPOSITORY:
    'extensions.logstore.repositories.logstore_api_workflow_run_repository.LogstoreAPIWorkflowRunRepository',
  API_WORKFLOW_NODE_EXECUTION_REPOSITORY:
    'extensions.logstore.repositories.logstore_api_workflow_node_execution_repository.LogstoreAPIWorkflowNodeExecutionRepository',
} as const;

/** What an SLS client is given as endpoint, and whether Dify's PostgreSQL mode can work with it. */
export interface Endpoint {
  readonly text: string;
  /** The part behind the project: names below it must resolve to `address`. */
  readonly host: string;
  readonly address: string;
  readonly pgMode: boolean;
}

/**
 * Dify's PostgreSQL mode connects to port 5432 of the endpoint's host, and the Python SDK leaves out the project
 * prefix only for a bare IPv4 address, whose port is then 80. So the address with those two ports is the best
 * endpoint; without it a name and a port serve HTTP alone.
 */
export function endpointOf(sls: SlsAddress): Endpoint {
  if (sls.dedicated !== undefined) {
    return { text: sls.dedicated, host: sls.dedicated, address: sls.dedicated, pgMode: sls.pgMode };
  }
  return { text: `localhost:${sls.httpPort}`, host: 'localhost', address: sls.host, pgMode: false };
}

/** The variables that a Dify component started from source needs to use the stack. */
export function environmentOf(addresses: Addresses, component = 'api'): Record<string, string> {
  const chosen = addresses.components.find(({ name }) => name === component);
  if (chosen === undefined) {
    throw devstackErrors.create('DEVSTACK_COMPONENT_UNKNOWN', {
      message: `no component \`${component}\` takes part in the running stack`,
      hint: `choose one of ${addresses.components.map(({ name }) => name).join(', ')}`,
    });
  }
  return {
    DB_TYPE: 'postgresql',
    DB_HOST: addresses.proxy?.host ?? addresses.postgres.host,
    DB_PORT: String(chosen.port),
    DB_USERNAME: addresses.postgres.user,
    DB_PASSWORD: addresses.postgres.password,
    DB_DATABASE: chosen.database,
    ...chosen.variables,
    ...(addresses.sls === undefined ? {} : slsEnvironment(addresses.sls)),
  };
}

function slsEnvironment(sls: SlsAddress): Record<string, string> {
  const endpoint = endpointOf(sls);
  return {
    ALIYUN_SLS_ACCESS_KEY_ID: sls.accessKeyId,
    ALIYUN_SLS_ACCESS_KEY_SECRET: sls.accessKeySecret,
    ALIYUN_SLS_ENDPOINT: endpoint.text,
    ALIYUN_SLS_REGION: sls.region,
    ALIYUN_SLS_PROJECT_NAME: sls.project,
    ALIYUN_SLS_LOGSTORE_TTL: String(sls.logstoreTtlDays),
    LOGSTORE_PG_MODE_ENABLED: String(endpoint.pgMode),
    ...logstoreRepositories,
  };
}

/** Prints variables for a shell to evaluate, for a `.env` file, or as JSON. */
export function formatEnvironment(
  variables: Readonly<Record<string, string>>,
  format: EnvironmentFormat,
): string {
  if (format === 'json') return `${JSON.stringify(variables, null, 2)}\n`;
  const lines = Object.entries(variables).map(([name, value]) =>
    format === 'shell' ? `export ${name}=${quoteForShell(value)}` : `${name}=${quoteForDotenv(value)}`,
  );
  return `${lines.join('\n')}\n`;
}

const plain = /^[A-Za-z0-9_./:@%+,-]*$/;

function quoteForShell(value: string): string {
  return plain.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}

/** Readers of `.env` files agree on single quotes, which take everything literally but themselves. */
function quoteForDotenv(value: string): string {
  if (plain.test(value)) return value;
  return value.includes("'") ? `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"` : `'${value}'`;
}
