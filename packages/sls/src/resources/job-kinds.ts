import { SlsError } from '@sampan/sls-wire';
import type { JsonObject, ResourceKind } from './resource-kind.ts';

/** What an action makes of a job's `status`. */
export const jobActions: Readonly<Record<string, string>> = {
  enable: 'ENABLED',
  disable: 'DISABLED',
  START: 'RUNNING',
  STOP: 'STOPPED',
  RESTART: 'RUNNING',
};

/** The status of a new job. Indexes apply to all logs here, so there is nothing to rebuild. */
export function initialJobStatus(type: unknown): string {
  if (type === 'ETL' || type === 'Export') return 'RUNNING';
  return type === 'RebuildIndex' ? 'SUCCEEDED' : 'ENABLED';
}

/** Where the vendor bounds the jobs of a type; the others share the bound of the table. */
export const jobCountMax: Readonly<Record<string, number>> = { Alert: 100, ScheduledSQL: 100 };

const base = {
  table: 'jobs',
  scope: 'project',
  nameField: 'name',
  update: 'merge',
  list: { items: 'results', entries: 'objects' },
  times: { created: 'createTime', modified: 'lastModifiedTime' },
  countMax: 1000,
  errors: {
    notExist: (name) => new SlsError(404, 'JobNotExist', `Job ${name} does not exist`),
    alreadyExist: (name) => new SlsError(400, 'JobAlreadyExist', `Job ${name} already exists`),
  },
} as const satisfies Partial<ResourceKind>;

/** The generic door: `type` of the body or of a list's `jobType` tells the jobs apart. */
export const jobs: ResourceKind = {
  ...base,
  noun: 'Job',
  path: '/jobs',
  required: ['type'],
  defaults: { displayName: '', description: '', recyclable: true },
  filters: {
    jobType: ({ body }, value) => body['type'] === value,
    logstore: hasLogstore,
  },
};

function hasLogstore({ body }: { readonly body: JsonObject }, value: string): boolean {
  const configuration = objectOf(body['configuration']);
  return configuration['logstore'] === value || configuration['sourceLogstore'] === value;
}

function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null ? (value as JsonObject) : {};
}

/** A door of its own for one type of job, the way the generated SDKs have them. */
function typed(noun: string, path: string, type: string): ResourceKind {
  return {
    ...base,
    noun,
    path,
    defaults: { description: '', recyclable: true },
    filters: { logstore: hasLogstore },
    isOfView: (body) => body['type'] === type,
    intoView: (body) => ({ ...body, type }),
  };
}

/** As `typed`, where a part of the configuration says which service is at the other end. */
function ending(kind: ResourceKind, part: 'sink' | 'source', partner: string): ResourceKind {
  const isOfType = kind.isOfView;
  return {
    ...kind,
    isOfView: (body) => {
      const found = objectOf(objectOf(body['configuration'])[part])['type'];
      return isOfType?.(body) === true && found === partner;
    },
    intoView: (body) => {
      const configuration = objectOf(body['configuration']);
      const end = { ...objectOf(configuration[part]), type: partner };
      return { ...kind.intoView?.(body), configuration: { ...configuration, [part]: end } };
    },
  };
}

export const typedJobs: readonly ResourceKind[] = [
  typed('Alert', '/alerts', 'Alert'),
  typed('ETL', '/etls', 'ETL'),
  typed('ScheduledSQL', '/scheduledsqls', 'ScheduledSQL'),
  ending(typed('OSSExport', '/ossexports', 'Export'), 'sink', 'AliyunOSS'),
  ending(typed('OSSHDFSExport', '/osshdfsexports', 'Export'), 'sink', 'AliyunOSSHDFS'),
  ending(typed('MaxComputeExport', '/maxcomputeexports', 'Export'), 'sink', 'AliyunODPS'),
  ending(typed('OSSIngestion', '/ossingestions', 'Ingestion'), 'source', 'AliyunOSS'),
  ending(typed('S3Ingestion', '/s3ingestions', 'Ingestion'), 'source', 'S3'),
  typed('DownloadJob', '/downloadjobs', 'Download'),
];
