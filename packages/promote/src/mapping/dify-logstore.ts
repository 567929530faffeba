/** The five variables that switch Dify's SLS extension on: all of them or none. */
export const slsKeys = [
  'ALIYUN_SLS_ACCESS_KEY_ID',
  'ALIYUN_SLS_ACCESS_KEY_SECRET',
  'ALIYUN_SLS_ENDPOINT',
  'ALIYUN_SLS_REGION',
  'ALIYUN_SLS_PROJECT_NAME',
] as const;

/** The four variables that make Dify use it; the five above change nothing without them. */
export const slsSelectors: Readonly<Record<string, string>> = {
  CORE_WORKFLOW_EXECUTION_REPOSITORY:
    'extensions.logstore.repositories.logstore_workflow_execution_repository.LogstoreWorkflowExecutionRepository',
  CORE_WORKFLOW_NODE_EXECUTION_REPOSITORY:
    'extensions.logstore.repositories.logstore_workflow_node_execution_repository.LogstoreWorkflowNodeExecutionRepository',
  API_WORKFLOW_RUN_REPOSITORY:
    'extensions.logstore.repositories.logstore_api_workflow_run_repository.LogstoreAPIWorkflowRunRepository',
  API_WORKFLOW_NODE_EXECUTION_REPOSITORY:
    'extensions.logstore.repositories.logstore_api_workflow_node_execution_repository.LogstoreAPIWorkflowNodeExecutionRepository',
};

/** Whether a repository class is one of SLS. */
export const isLogstoreRepository = (value: string): boolean => value.startsWith('extensions.logstore.');
