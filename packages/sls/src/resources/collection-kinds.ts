import { errorsNamed } from './resource-errors.ts';
import type { JsonObject, ResourceKind, StoredResource } from './resource-kind.ts';

const times = { created: 'createTime', modified: 'lastModifyTime' } as const;

function includesName(resource: StoredResource, value: string): boolean {
  return resource.name.includes(value);
}

export const logtailConfigs: ResourceKind = {
  noun: 'Config',
  path: '/configs',
  table: 'configs',
  scope: 'project',
  nameField: 'configName',
  required: ['inputType', 'inputDetail'],
  defaults: { outputType: 'LogService', logSample: '' },
  list: { items: 'configs', entries: 'names' },
  times,
  filters: {
    configName: includesName,
    logstoreName: ({ body }, value) =>
      (body['outputDetail'] as JsonObject | undefined)?.['logstoreName'] === value,
  },
  countMax: 200,
  errors: errorsNamed('Config', 'config'),
};

export const pipelineConfigs: ResourceKind = {
  noun: 'LogtailPipelineConfig',
  path: '/pipelineconfigs',
  table: 'pipelineconfigs',
  scope: 'project',
  nameField: 'configName',
  required: ['inputs', 'flushers'],
  list: { items: 'configs', entries: 'names' },
  times,
  filters: {
    configName: includesName,
    logstoreName: ({ body }, value) =>
      Array.isArray(body['flushers']) &&
      body['flushers'].some((flusher: JsonObject | null) => flusher?.['Logstore'] === value),
  },
  countMax: 200,
  errors: errorsNamed('Config', 'config'),
};

export const machineGroups: ResourceKind = {
  noun: 'MachineGroup',
  path: '/machinegroups',
  table: 'machinegroups',
  scope: 'project',
  nameField: 'groupName',
  required: ['machineIdentifyType', 'machineList'],
  defaults: { groupType: '', groupAttribute: {} },
  list: { items: 'machinegroups', entries: 'names' },
  times,
  filters: { groupName: includesName },
  countMax: 200,
  errors: errorsNamed('MachineGroup', 'MachineGroup'),
};

export const agentInstanceConfigs: ResourceKind = {
  noun: 'AgentInstanceConfig',
  path: '/agentinstanceconfigs',
  table: 'agentinstanceconfigs',
  scope: 'account',
  nameField: 'configType',
  list: { items: 'configs', entries: 'objects', counters: { page: 'size', total: 'total' } },
  times,
  countMax: 100,
  errors: errorsNamed('AgentInstanceConfig', 'agent instance config'),
};
