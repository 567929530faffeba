import { errorsNamed } from './resource-errors.ts';
import type { ResourceKind, StoredResource } from './resource-kind.ts';

const times = { created: 'createTime', modified: 'lastModifyTime' } as const;
const items = { items: 'items', entries: 'objects' } as const;

/** A parameter with names: separated by commas, or a JSON array. */
export function namesIn(value: string): string[] {
  if (value.startsWith('[')) {
    try {
      const names: unknown = JSON.parse(value);
      if (Array.isArray(names)) return names.map(String);
    } catch {
      // Not JSON after all: a name may begin with a bracket.
    }
  }
  return value.split(',').map((name) => name.trim());
}

function isAmong(resource: StoredResource, value: string): boolean {
  return namesIn(value).includes(resource.name);
}

/** Tables of the account, such as the contacts of alerts. */
export const resources: ResourceKind = {
  noun: 'Resource',
  path: '/resources',
  table: 'resources',
  scope: 'account',
  nameField: 'name',
  required: ['type'],
  defaults: { schema: '', description: '', extInfo: '' },
  update: 'merge',
  list: items,
  times,
  filters: { names: isAmong, type: ({ body }, value) => body['type'] === value },
  owns: ['records'],
  countMax: 1000,
  errors: errorsNamed('Resource', 'resource'),
};

export const resourceRecords: ResourceKind = {
  noun: 'ResourceRecord',
  path: '/resources/:owner/records',
  table: 'records',
  scope: 'account',
  nameField: 'id',
  required: ['value'],
  defaults: { tag: '' },
  update: 'merge',
  isNameOptional: true,
  list: items,
  times,
  filters: { ids: isAmong, tag: ({ body }, value) => body['tag'] === value },
  countMax: 10_000,
  errors: errorsNamed('ResourceRecord', 'resource record'),
};

/** The service's own tables are there without being created. */
export function isBuiltInResource(name: string): boolean {
  return /^sls\.[a-z_]+\.[a-z_]+$/.test(name);
}

export const topostores: ResourceKind = {
  noun: 'Topostore',
  path: '/topostores',
  table: 'topostores',
  scope: 'account',
  nameField: 'name',
  update: 'merge',
  list: items,
  times,
  filters: { names: isAmong },
  countMax: 1000,
  errors: errorsNamed('Topostore', 'topostore'),
};

export const collectionPolicies: ResourceKind = {
  noun: 'CollectionPolicy',
  path: '/collectionpolicy',
  table: 'collectionpolicy',
  scope: 'account',
  nameField: 'policyName',
  required: ['productCode', 'dataCode'],
  defaults: { enabled: false, centralizeEnabled: false },
  write: 'upsert-by-post',
  list: { items: 'data', entries: 'objects', counters: { page: 'currentCount', total: 'totalCount' } },
  wrapper: 'collectionPolicy',
  filters: {
    policyName: ({ name }, value) => name === value,
    productCode: ({ body }, value) => body['productCode'] === value,
    dataCode: ({ body }, value) => body['dataCode'] === value,
  },
  countMax: 1000,
  errors: errorsNamed('Policy', 'policy'),
};
