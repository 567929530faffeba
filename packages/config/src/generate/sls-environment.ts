import type { Config } from '../schema/schema.ts';
import { type StackSecrets, secretsOrReferences } from './secrets.ts';

const repositories = 'extensions.logstore.repositories';

/**
 * Classes that make Dify (1.11.2 and later) keep workflow records in SLS. Without all four, the five SLS variables
 * change nothing but the start of Dify.
 */
export const logstoreRepositories = {
  CORE_WORKFLOW_EXECUTION_REPOSITORY: `${repositories}.logstore_workflow_execution_repository.LogstoreWorkflowExecutionRepository`,
  CORE_WORKFLOW_NODE_EXECUTION_REPOSITORY: `${repositories}.logstore_workflow_node_execution_repository.LogstoreWorkflowNodeExecutionRepository`,
  API_WORKFLOW_RUN_REPOSITORY: `${repositories}.logstore_api_workflow_run_repository.LogstoreAPIWorkflowRunRepository`,
  API_WORKFLOW_NODE_EXECUTION_REPOSITORY: `${repositories}.logstore_api_workflow_node_execution_repository.LogstoreAPIWorkflowNodeExecutionRepository`,
} as const;

export interface SlsEnvironmentOptions {
  readonly config: Config;
  readonly endpoint: string;
  /** Whether the endpoint's host answers the PostgreSQL protocol at port 5432. */
  readonly pgMode: boolean;
  readonly secrets?: StackSecrets | undefined;
}

/** Every variable with which Dify reaches SLS: the five that enable it, its logstore options, the four selectors. */
export function slsEnvironment({
  config,
  endpoint,
  pgMode,
  secrets,
}: SlsEnvironmentOptions): Record<string, string> {
  const { accessKeyId, accessKeySecret } = secretsOrReferences(secrets);
  return {
    ALIYUN_SLS_ACCESS_KEY_ID: accessKeyId,
    ALIYUN_SLS_ACCESS_KEY_SECRET: accessKeySecret,
    ALIYUN_SLS_ENDPOINT: endpoint,
    ALIYUN_SLS_REGION: config.sls.region,
    ALIYUN_SLS_PROJECT_NAME: config.sls.project,
    ALIYUN_SLS_LOGSTORE_TTL: String(config.sls.logstoreTtlDays),
    ALIYUN_SLS_CHECK_CONNECTIVITY_TIMEOUT: '30',
    LOGSTORE_PG_MODE_ENABLED: String(pgMode && config.sls.pgMode),
    LOGSTORE_DUAL_WRITE_ENABLED: 'false',
    LOGSTORE_DUAL_READ_ENABLED: 'true',
    LOGSTORE_ENABLE_PUT_GRAPH_FIELD: 'true',
    ...logstoreRepositories,
  };
}
