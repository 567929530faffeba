import { collectionPolicies, resourceRecords, resources, topostores } from '../resources/account-kinds.ts';
import {
  agentInstanceConfigs,
  logtailConfigs,
  machineGroups,
  pipelineConfigs,
} from '../resources/collection-kinds.ts';
import { jobActions, jobs, typedJobs } from '../resources/job-kinds.ts';
import type { ResourceKind } from '../resources/resource-kind.ts';
import { dashboards, savedSearches } from '../resources/search-kinds.ts';
import {
  consumeProcessors,
  domains,
  externalStores,
  ingestProcessors,
  shippers,
  storeViews,
} from '../resources/store-kinds.ts';
import {
  changeResourceGroup,
  describeRegions,
  emptyList,
  getSlsService,
  openSlsService,
} from './account-operations.ts';
import { createChart, deleteChart, getChart, updateChart } from './dashboard-chart-operations.ts';
import { getJobInstance, jobOperations, listJobInstances } from './job-operations.ts';
import {
  clearStorage,
  listSubStores,
  updateEncryption,
  updateProcessor,
} from './logstore-setting-operations.ts';
import {
  applyConfig,
  configOperations,
  getAppliedConfigs,
  getAppliedMachineGroups,
  listMachines,
  removeConfig,
  updateMachines,
} from './machine-group-operations.ts';
import type { Operation } from './operation.ts';
import { type ResourceOperations, resourceOperations } from './resource-operations.ts';
import {
  deleteRecords,
  recordOperations,
  resourceTableOperations,
  upsertRecords,
} from './resource-record-operations.ts';
import type { RouteRow } from './route-row.ts';
import {
  deletePolicy,
  getPolicy,
  logging,
  meteringMode,
  multimodalConfiguration,
  putPolicy,
  sqlInstance,
  transferAcceleration,
} from './setting-operations.ts';
import { listShipperTasks, retryShipperTasks, shipperOperations } from './shipper-operations.ts';
import { getStoreViewIndex } from './store-view-index.ts';
import { systemTags, tags } from './tag-operations.ts';

/** The five routes of a kind. List calls have filters named `type`, which is no choice of operation. */
function routesOf(kind: ResourceKind, operations: ResourceOperations = resourceOperations(kind)): RouteRow[] {
  const item = `${kind.path}/:name`;
  const { create, get, update, remove, list } = operations;
  const routes: RouteRow[] = [
    ['GET', kind.path, { '*': list }],
    ['GET', item, { '': get }],
    ['PUT', item, { '': update }],
    ['DELETE', item, { '': remove }],
  ];
  return kind.write === 'upsert-by-put' ? routes : [...routes, ['POST', kind.path, { '': create }]];
}

function jobRoutes(door: ResourceKind): RouteRow[] {
  const operations = jobOperations(door);
  const actions = Object.fromEntries(Object.keys(jobActions).map((action) => [action, operations.act]));
  const choices: Record<string, Operation> = { '': operations.update, ...actions };
  return routesOf(door, operations).map((row) => (row[0] === 'PUT' ? ['PUT', row[1], choices] : row));
}

const ofSearch: readonly RouteRow[] = [
  ...routesOf(savedSearches),
  ...routesOf(dashboards),
  ['POST', '/dashboards/:owner/charts', { '': createChart }],
  ['PUT', '/dashboards/:owner/charts', { '': updateChart }],
  ['PUT', '/dashboards/:owner/charts/:name', { '': updateChart }],
  ['GET', '/dashboards/:owner/charts/:name', { '': getChart }],
  ['DELETE', '/dashboards/:owner/charts/:name', { '': deleteChart }],
];

const ofJobs: readonly RouteRow[] = [
  ...[jobs, ...typedJobs].flatMap(jobRoutes),
  ['GET', '/jobs/:name/jobinstances', { '*': listJobInstances }],
  ['GET', '/jobs/:name/jobinstances/:instance', { '*': getJobInstance }],
  ['PUT', '/jobs/:name/jobinstances/:instance', { '*': getJobInstance }],
];

const ofCollection: readonly RouteRow[] = [
  ...routesOf(logtailConfigs, configOperations(logtailConfigs)),
  ...routesOf(pipelineConfigs, configOperations(pipelineConfigs)),
  ...routesOf(machineGroups),
  ...routesOf(agentInstanceConfigs),
  ['GET', '/configs/:config/machinegroups', { '': getAppliedMachineGroups }],
  ['GET', '/machinegroups/:owner/configs', { '': getAppliedConfigs }],
  ['PUT', '/machinegroups/:owner/configs/:config', { '': applyConfig }],
  ['DELETE', '/machinegroups/:owner/configs/:config', { '': removeConfig }],
  ['GET', '/machinegroups/:owner/machines', { '': listMachines }],
  ['PUT', '/machinegroups/:owner/machines', { add: updateMachines, delete: updateMachines }],
];

const ofStores: readonly RouteRow[] = [
  ...routesOf(externalStores),
  ...routesOf(storeViews),
  ['GET', '/storeviews/:name/index', { '': getStoreViewIndex }],
  ...routesOf(shippers, shipperOperations),
  ['GET', '/logstores/:logstore/shipper/:name/tasks', { '*': listShipperTasks }],
  ['PUT', '/logstores/:logstore/shipper/:name/tasks', { '*': retryShipperTasks }],
  ...routesOf(ingestProcessors),
  ...routesOf(consumeProcessors),
  ...routesOf(domains),
  ['GET', '/logstores/:logstore/meteringmode', { '': meteringMode.get }],
  ['PUT', '/logstores/:logstore/meteringmode', { '': meteringMode.put }],
  ['DELETE', '/logstores/:logstore/storage', { '': clearStorage }],
  ['PUT', '/logstores/:logstore/encryption', { '': updateEncryption }],
  ['POST', '/logstores/:logstore/processor', { '': updateProcessor }],
  ['GET', '/logstores/:logstore/multimodalconfiguration', { '': multimodalConfiguration.get }],
  ['PUT', '/logstores/:logstore/multimodalconfiguration', { '': multimodalConfiguration.put }],
  ['GET', '/logstores/:logstore/substores', { '': listSubStores }],
  ['GET', '/metricstores', { '*': emptyList('ListMetricStores', 'metricstores') }],
  ['GET', '/materializedviews', { '*': emptyList('ListMaterializedViews', 'materializedviews') }],
  ['GET', '/etljobs', { '*': emptyList('ListETLJobs', 'etlJobNameList') }],
  ['GET', '/etlmetanames', { '*': emptyList('ListETLMetaNames', 'etlMetaNameList') }],
  ['GET', '/etlmetas', { '*': emptyList('ListETLMetas', 'etlMetaList') }],
];

const ofProject: readonly RouteRow[] = [
  ['GET', '/policy', { '': getPolicy }],
  ['POST', '/policy', { '': putPolicy }],
  ['DELETE', '/policy', { '': deletePolicy }],
  ['GET', '/logging', { '': logging.get }],
  ['POST', '/logging', { '': logging.create }],
  ['PUT', '/logging', { '': logging.put }],
  ['DELETE', '/logging', { '': logging.remove }],
  ['GET', '/sqlinstance', { '': sqlInstance.get }],
  ['POST', '/sqlinstance', { '': sqlInstance.create }],
  ['PUT', '/sqlinstance', { '': sqlInstance.put }],
  ['PUT', '/transferacceleration', { '': transferAcceleration.put }],
  ['PUT', '/resourcegroup', { '': changeResourceGroup }],
  ['POST', '/tag', { '': tags.tag }],
  ['POST', '/untag', { '': tags.untag }],
  ['GET', '/tags', { '': tags.list }],
  ['POST', '/systemtag', { '': systemTags.tag }],
  ['POST', '/systemuntag', { '': systemTags.untag }],
  ['GET', '/systemtags', { '': systemTags.list }],
];

const ofAccount: readonly RouteRow[] = [
  ...routesOf(resources, resourceTableOperations),
  ...routesOf({ ...resourceRecords, path: '/resources/:owner/records' }, recordOperations),
  ['PUT', '/resources/:owner/records', { '': upsertRecords }],
  ['DELETE', '/resources/:owner/records', { '': deleteRecords }],
  ...routesOf(topostores),
  ...routesOf(collectionPolicies),
  ['GET', '/regions', { '*': describeRegions }],
  ['GET', '/slsservice', { '': getSlsService }],
  ['POST', '/slsservice', { '': openSlsService }],
];

/** Everything that is stored and given back. */
export const managementRoutes: readonly RouteRow[] = [
  ...ofSearch,
  ...ofJobs,
  ...ofCollection,
  ...ofStores,
  ...ofProject,
  ...ofAccount,
];
