import createRouter, { type HTTPMethod } from 'find-my-way';
import {
  createConsumerGroup,
  deleteConsumerGroup,
  getCheckpoints,
  heartBeat,
  listConsumerGroups,
  updateCheckpoint,
  updateConsumerGroup,
} from './consumer-group-operations.ts';
import { getContextLogs } from './context-logs.ts';
import { getCursor, getCursorTime, pullLogs } from './cursor-operations.ts';
import { getHistograms, getLogs, getLogsV2, getProjectLogs } from './get-logs.ts';
import { listTopics } from './list-topics.ts';
import {
  createIndex,
  createLogStore,
  deleteIndex,
  deleteLogStore,
  getIndex,
  getLogStore,
  listLogStores,
  updateIndex,
  updateLogStore,
} from './logstore-operations.ts';
import { managementRoutes } from './management-routes.ts';
import { notEmulated, type Operation } from './operation.ts';
import { createProject, deleteProject, getOrListProject, updateProject } from './project-operations.ts';
import { putLogs } from './put-logs.ts';
import { parameter, type SlsRequest } from './request.ts';
import type { Choices, RouteRow } from './route-row.ts';
import { deleteShard, listShards, mergeShards, splitShard } from './shard-operations.ts';
import {
  preflight,
  putWebtracking,
  trackByPixel,
  trackByPixelWithAgent,
  trackByUrl,
} from './web-tracking.ts';

/** An operation with what its path named. */
export interface Route {
  readonly operation: Operation;
  readonly path: Readonly<Record<string, string | undefined>>;
}

const table: readonly RouteRow[] = [
  ['GET', '/', { '': getOrListProject, all: getOrListProject }],
  ['POST', '/', { '': createProject }],
  ['PUT', '/', { '': updateProject }],
  ['DELETE', '/', { '': deleteProject }],
  ['GET', '/logs', { '': getProjectLogs, log: getProjectLogs }],
  ['GET', '/logstores', { '': listLogStores }],
  ['POST', '/logstores', { '': createLogStore }],
  [
    'GET',
    '/logstores/:logstore',
    {
      '': getLogStore,
      log: getLogs,
      histogram: getHistograms,
      context_log: getContextLogs,
      topic: listTopics,
    },
  ],
  ['POST', '/logstores/:logstore', { '': putLogs }],
  ['PUT', '/logstores/:logstore', { '': updateLogStore }],
  ['DELETE', '/logstores/:logstore', { '': deleteLogStore }],
  ['POST', '/logstores/:logstore/logs', { '': getLogsV2, log: getLogsV2 }],
  ['GET', '/logstores/:logstore/index', { '': getIndex, histogram: getHistograms }],
  ['POST', '/logstores/:logstore/index', { '': createIndex }],
  ['PUT', '/logstores/:logstore/index', { '': updateIndex }],
  ['DELETE', '/logstores/:logstore/index', { '': deleteIndex }],
  ['GET', '/logstores/:logstore/shards', { '': listShards }],
  ['POST', '/logstores/:logstore/shards/lb', { '': putLogs }],
  ['POST', '/logstores/:logstore/shards/:shard(^route$)', { '': putLogs }],
  ['POST', '/logstores/:logstore/shards/:shard', { split: splitShard, merge: mergeShards }],
  ['DELETE', '/logstores/:logstore/shards/:shard', { '': deleteShard }],
  [
    'GET',
    '/logstores/:logstore/shards/:shard',
    { cursor: getCursor, cursor_time: getCursorTime, log: pullLogs, logs: pullLogs },
  ],
  ['GET', '/logstores/:logstore/consumergroups', { '': listConsumerGroups }],
  ['POST', '/logstores/:logstore/consumergroups', { '': createConsumerGroup }],
  ['GET', '/logstores/:logstore/consumergroups/:group', { '': getCheckpoints }],
  ['PUT', '/logstores/:logstore/consumergroups/:group', { '': updateConsumerGroup }],
  ['DELETE', '/logstores/:logstore/consumergroups/:group', { '': deleteConsumerGroup }],
  [
    'POST',
    '/logstores/:logstore/consumergroups/:group',
    { heartbeat: heartBeat, checkpoint: updateCheckpoint },
  ],
  ['OPTIONS', '*', { '*': preflight }],
  ['GET', '/logstores/:logstore/track', { '*': trackByUrl }],
  ['GET', '/logstores/:logstore/track.gif', { '*': trackByPixel }],
  ['GET', '/logstores/:logstore/track_ua.gif', { '*': trackByPixelWithAgent }],
  ['POST', '/logstores/:logstore/track', { '*': putWebtracking }],
  ...managementRoutes,
];

/** Finds the operation of a request, or throws `NotEmulated`. */
export function createRoutes(): (request: SlsRequest) => Route {
  const router = createRouter({
    ignoreTrailingSlash: true,
    // The npm client doubles the slash when its endpoint ends with one.
    ignoreDuplicateSlashes: true,
    maxParamLength: 1024,
  });
  for (const [method, path, choices] of table) router.on(method, path, () => {}, choices);

  return (request) => {
    const found = router.find(request.method as HTTPMethod, request.path);
    const choices = found?.store as Choices | undefined;
    const choice = parameter(request, 'type') ?? parameter(request, 'action') ?? '';
    const operation = choices === undefined ? undefined : chosen(choices, choice);
    if (found === null || operation === undefined) throw notEmulated(request);
    return { operation, path: found.params };
  };
}

function chosen(choices: Choices, choice: string): Operation | undefined {
  return Object.hasOwn(choices, choice) ? choices[choice] : choices['*'];
}
