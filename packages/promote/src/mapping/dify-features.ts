/** Variables of one optional feature of Dify: read only when the selector has one of the values. */
interface Feature {
  readonly variables: RegExp;
  readonly selector: string;
  readonly values: readonly string[];
}

const vector = (variables: RegExp, ...values: string[]): Feature => ({
  variables,
  selector: 'VECTOR_STORE',
  values,
});
const storage = (variables: RegExp, ...values: string[]): Feature => ({
  variables,
  selector: 'STORAGE_TYPE',
  values,
});

/** The optional features of Dify 1.11 to 1.13, from its configuration classes. */
const features: readonly Feature[] = [
  vector(/^WEAVIATE_/, 'weaviate'),
  vector(/^QDRANT_/, 'qdrant'),
  vector(/^MILVUS_/, 'milvus'),
  vector(/^MYSCALE_/, 'myscale'),
  vector(/^COUCHBASE_/, 'couchbase'),
  vector(/^HOLOGRES_/, 'hologres'),
  vector(/^PGVECTOR_/, 'pgvector'),
  vector(/^VASTBASE_/, 'vastbase'),
  vector(/^PGVECTO_RS_/, 'pgvecto-rs'),
  vector(/^ANALYTICDB_/, 'analyticdb'),
  vector(/^TIDB_VECTOR_/, 'tidb_vector'),
  vector(
    /^TIDB_(ON_QDRANT_|PUBLIC_KEY|PRIVATE_KEY|API_URL|IAM_API_URL|REGION|PROJECT_ID|SPEND_LIMIT)/,
    'tidb_on_qdrant',
  ),
  vector(/^MATRIXONE_/, 'matrixone'),
  vector(/^CHROMA_/, 'chroma'),
  vector(/^ORACLE_/, 'oracle'),
  vector(/^ALIBABACLOUD_MYSQL_/, 'alibabacloud_mysql'),
  vector(/^RELYT_/, 'relyt'),
  vector(/^OPENSEARCH_/, 'opensearch'),
  vector(/^TENCENT_VECTOR_DB_/, 'tencent'),
  vector(/^(ELASTICSEARCH_|KIBANA_PORT$)/, 'elasticsearch', 'elasticsearch-ja'),
  vector(/^BAIDU_VECTOR_DB_/, 'baidu'),
  vector(/^VIKINGDB_/, 'vikingdb'),
  vector(/^LINDORM_/, 'lindorm'),
  vector(/^OPENGAUSS_/, 'opengauss'),
  vector(/^HUAWEI_CLOUD_/, 'huawei_cloud'),
  vector(/^UPSTASH_VECTOR_/, 'upstash'),
  vector(/^TABLESTORE_/, 'tablestore'),
  vector(/^IRIS_/, 'iris'),
  vector(/^(OCEANBASE_|SEEKDB_)/, 'oceanbase', 'seekdb'),
  vector(/^CLICKZETTA_(?!VOLUME_)/, 'clickzetta'),
  storage(/^S3_/, 's3'),
  storage(/^AZURE_BLOB_/, 'azure-blob'),
  storage(/^GOOGLE_STORAGE_/, 'google-storage'),
  storage(/^ALIYUN_OSS_/, 'aliyun-oss'),
  storage(/^TENCENT_COS_/, 'tencent-cos'),
  storage(/^OCI_/, 'oci-storage'),
  storage(/^HUAWEI_OBS_/, 'huawei-obs'),
  storage(/^VOLCENGINE_TOS_/, 'volcengine-tos'),
  storage(/^BAIDU_OBS_/, 'baidu-obs'),
  storage(/^SUPABASE_/, 'supabase'),
  storage(/^CLICKZETTA_VOLUME_/, 'clickzetta-volume'),
  { variables: /^ARCHIVE_STORAGE_(?!ENABLED)/, selector: 'ARCHIVE_STORAGE_ENABLED', values: ['true'] },
  { variables: /^UNSTRUCTURED_/, selector: 'ETL_TYPE', values: ['Unstructured'] },
];

/** The plugin daemon has its own storage selector for variables of the same names. */
const pluginStorage: readonly Feature[] = [
  [/^(S3_|AWS_|PLUGIN_S3_|PLUGIN_AWS_)/, 'aws_s3'],
  [/^(AZURE_BLOB_|PLUGIN_AZURE_)/, 'azure_blob'],
  [/^(ALIYUN_OSS_|PLUGIN_ALIYUN_)/, 'aliyun_oss'],
  [/^(TENCENT_COS_|PLUGIN_TENCENT_)/, 'tencent_cos'],
  [/^(VOLCENGINE_TOS_|PLUGIN_VOLCENGINE_)/, 'volcengine_tos'],
].map(([variables, value]) => ({
  variables: variables as RegExp,
  selector: 'PLUGIN_STORAGE_TYPE',
  values: [String(value)],
}));

/** Variables that only the Compose file or another container reads; Dify's own code does not. */
const otherContainers =
  /^(POSTGRES_|MYSQL_|PGDATA$|NGINX_|CERTBOT_|ETCD_|MINIO_|EXPOSE_|COMPOSE_|SANDBOX_(API_KEY|GIN_MODE|WORKER_TIMEOUT|ENABLE_NETWORK|HTTP_PROXY|HTTPS_PROXY|PORT)$|SSRF_(HTTP_PORT|COREDUMP_DIR|REVERSE_PROXY_PORT|SANDBOX_HOST)$|(API|WEB|PLUGIN)_SENTRY_|DB_PLUGIN_DATABASE$|PLUGIN_DAEMON_PORT$|PLUGIN_DEBUGGING_|PLUGIN_PPROF_|PLUGIN_STDIO_|PLUGIN_PYTHON_ENV_|PLUGIN_WORKING_PATH$|PLUGIN_INSTALLED_PATH$|PLUGIN_PACKAGE_CACHE_PATH$|PLUGIN_MEDIA_CACHE_PATH$)/;

/** Settings of Dify's Python services that reach the plugin daemon through the shared anchor only. */
const pythonOnly =
  /^(SECRET_KEY$|INIT_PASSWORD$|CELERY_|SQLALCHEMY_|MAIL_|RESEND_|SMTP_|SENDGRID_|NOTION_|CODE_|GUNICORN_|SERVER_WORKER_|WORKFLOW_|CORE_WORKFLOW_|API_WORKFLOW_|ALIYUN_SLS_|LOGSTORE_|VECTOR_|INNER_API_KEY_FOR_PLUGIN$|WEB_API_CORS|CONSOLE_CORS|FLASK_|ANNOTATION_|GRAPH_ENGINE_|APP_|UPLOAD_|ETL_|UNSTRUCTURED_)/;

/** Reads a variable of the service, to learn which features are on. */
export type Selectors = (name: string) => string | undefined;

/**
 * Why a variable of Dify's shared environment has no effect in a service, or `undefined` when it has one. Unused
 * features are the larger part of Dify's 700 variables, and of its public passwords.
 */
export function uselessIn(
  role: 'python' | 'pluginDaemon',
  name: string,
  selectors: Selectors,
): string | undefined {
  // Parts of the plugin daemon's own settings share their names with settings that concern other containers.
  if (role === 'python' && otherContainers.test(name)) return 'only another container reads it';
  if (role === 'pluginDaemon') {
    const plugin = pluginStorage.find((feature) => feature.variables.test(name));
    if (plugin !== undefined) return reasonIn(plugin, selectors, 'local');
    if (
      /^(POSTGRES_|MYSQL_|PGDATA$|NGINX_|CERTBOT_|ETCD_|MINIO_|EXPOSE_|SANDBOX_(API_KEY|GIN_MODE)$)/.test(
        name,
      )
    ) {
      return 'only another container reads it';
    }
    if (
      pythonOnly.test(name) ||
      features.some((entry) => entry.selector === 'VECTOR_STORE' && entry.variables.test(name))
    ) {
      return 'only Dify itself reads it';
    }
  } else if (/^PLUGIN_(STORAGE_|S3_|AWS_|AZURE_|ALIYUN_|TENCENT_|VOLCENGINE_)/.test(name)) {
    return 'only the plugin daemon reads it';
  }
  const feature = features.find((entry) => entry.variables.test(name));
  return feature === undefined ? undefined : reasonIn(feature, selectors, '');
}

function reasonIn(feature: Feature, selectors: Selectors, preset: string): string | undefined {
  const value = selectors(feature.selector) ?? preset;
  if (feature.values.includes(value)) return undefined;
  return `${feature.selector} selects ${value === '' ? 'another feature' : value}, so it has no effect`;
}
