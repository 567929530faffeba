import { SlsError } from '@sampan/sls-wire';
import { errorsNamed } from './resource-errors.ts';
import type { ResourceKind } from './resource-kind.ts';

const times = { created: 'createTime', modified: 'lastModifyTime' } as const;

export const externalStores: ResourceKind = {
  noun: 'ExternalStore',
  path: '/externalstores',
  table: 'externalstores',
  scope: 'project',
  nameField: 'externalStoreName',
  required: ['storeType', 'parameter'],
  list: { items: 'externalstores', entries: 'names' },
  filters: { externalStoreName: ({ name }, value) => name.includes(value) },
  countMax: 200,
  errors: errorsNamed('ExternalStore', 'externalStore'),
};

export const storeViews: ResourceKind = {
  noun: 'StoreView',
  path: '/storeviews',
  table: 'storeviews',
  scope: 'project',
  nameField: 'name',
  required: ['storeType', 'stores'],
  list: { items: 'storeviews', entries: 'names' },
  filters: {
    name: ({ name }, value) => name.includes(value),
    storeType: ({ body }, value) => body['storeType'] === value,
  },
  countMax: 100,
  errors: errorsNamed('StoreView', 'storeview'),
};

/** Legacy deliveries to other stores; owned by their logstore. */
export const shippers: ResourceKind = {
  noun: 'Shipper',
  path: '/logstores/:logstore/shipper',
  table: 'shippers',
  scope: 'project',
  nameField: 'shipperName',
  required: ['targetType', 'targetConfiguration'],
  list: { items: 'shipper', entries: 'names' },
  times,
  countMax: 100,
  errors: {
    notExist: (name) => new SlsError(404, 'ParameterInvalid', `shipperName ${name} does not exist`),
    alreadyExist: (name) => new SlsError(400, 'ParameterInvalid', `shipperName ${name} already exists`),
  },
};

const processorShape = {
  scope: 'project',
  nameField: 'processorName',
  write: 'upsert-by-put',
  required: ['configuration'],
  list: { items: 'processors', entries: 'objects' },
  times: { created: 'createTime', modified: 'updateTime' },
  countMax: 100,
} as const satisfies Partial<ResourceKind>;

export const ingestProcessors: ResourceKind = {
  ...processorShape,
  noun: 'IngestProcessor',
  path: '/ingestprocessors',
  table: 'ingestprocessors',
  errors: errorsNamed('Processor', 'processor'),
};

export const consumeProcessors: ResourceKind = {
  ...processorShape,
  noun: 'ConsumeProcessor',
  path: '/consumeprocessors',
  table: 'consumeprocessors',
  errors: errorsNamed('Processor', 'processor'),
};

export const domains: ResourceKind = {
  noun: 'Domain',
  path: '/domains',
  table: 'domains',
  scope: 'project',
  nameField: 'domainName',
  list: { items: 'domains', entries: 'objects' },
  countMax: 100,
  errors: {
    notExist: (name) => new SlsError(404, 'DomainNotExist', `domain ${name} does not exist`),
    alreadyExist: (name) => new SlsError(400, 'CnameAlreadyExists', `domain ${name} already exists`),
  },
};
