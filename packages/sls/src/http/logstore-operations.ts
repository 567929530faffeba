import { slsErrors } from '@sampan/sls-wire';
import { type Logstore, parseLogstoreInput } from '../catalog/logstore.ts';
import { logstoreOf, type Operation, projectOf } from './operation.ts';
import { emptyReply, jsonReply } from './reply.ts';
import { jsonBody, pageOf, parameter } from './request.ts';

export const createLogStore: Operation = {
  name: 'CreateLogStore',
  async run(call) {
    const project = projectOf(call);
    const input = parseLogstoreInput(jsonBody(call.request));
    await call.backend.catalog.createLogstore(project, input.logstoreName ?? '', input);
    return emptyReply;
  },
};

export const getLogStore: Operation = {
  name: 'GetLogStore',
  run(call) {
    const { project, logstore } = logstoreOf(call);
    return jsonReply(logstoreJson(call.backend.catalog.requireLogstore(project, logstore)));
  },
};

export const updateLogStore: Operation = {
  name: 'UpdateLogStore',
  async run(call) {
    const { project, logstore } = logstoreOf(call);
    const input = parseLogstoreInput(jsonBody(call.request));
    await call.backend.catalog.updateLogstore(project, logstore, input);
    return emptyReply;
  },
};

export const deleteLogStore: Operation = {
  name: 'DeleteLogStore',
  async run(call) {
    const { project, logstore } = logstoreOf(call);
    await call.backend.catalog.deleteLogstore(project, logstore);
    return emptyReply;
  },
};

export const listLogStores: Operation = {
  name: 'ListLogStores',
  run(call) {
    const { offset, size } = pageOf(call.request);
    const wanted = parameter(call.request, 'logstoreName') ?? '';
    const mode = parameter(call.request, 'mode');
    const telemetryType = parameter(call.request, 'telemetryType');
    const found = call.backend.catalog
      .logstores(projectOf(call))
      .filter((logstore) => logstore.logstoreName.includes(wanted))
      .filter((logstore) => mode === undefined || logstore.mode === mode)
      .filter((logstore) => isOfType(logstore, telemetryType))
      .map((logstore) => logstore.logstoreName);
    const page = found.slice(offset, offset + size);
    return jsonReply({ count: page.length, total: found.length, logstores: page });
  },
};

export const createIndex: Operation = {
  name: 'CreateIndex',
  async run(call) {
    const { project, logstore } = logstoreOf(call);
    await call.backend.catalog.createIndex(project, logstore, indexBody(call.request));
    return emptyReply;
  },
};

export const getIndex: Operation = {
  name: 'GetIndex',
  run(call) {
    const { project, logstore } = logstoreOf(call);
    const { ttl } = call.backend.catalog.requireLogstore(project, logstore);
    const index = call.backend.catalog.storedIndex(project, logstore);
    if (index === undefined) throw slsErrors.indexConfigNotExist();
    const json = index.json as Record<string, unknown>;
    return jsonReply({
      ttl,
      index_mode: 'v2',
      storage: 'pg',
      keys: {},
      ...json,
      ...(json['line'] ? { line: { token: [], caseSensitive: false, chn: false, ...json['line'] } } : {}),
      lastModifyTime: index.lastModifyTime,
    });
  },
};

export const updateIndex: Operation = {
  name: 'UpdateIndex',
  async run(call) {
    const { project, logstore } = logstoreOf(call);
    await call.backend.catalog.updateIndex(project, logstore, indexBody(call.request));
    return emptyReply;
  },
};

export const deleteIndex: Operation = {
  name: 'DeleteIndex',
  async run(call) {
    const { project, logstore } = logstoreOf(call);
    await call.backend.catalog.deleteIndex(project, logstore);
    return emptyReply;
  },
};

const indexBytesMax = 64 * 1024;

function indexBody(request: { readonly body: Buffer }): Record<string, unknown> {
  if (request.body.length > indexBytesMax) {
    throw slsErrors.indexInfoInvalid(`index config is larger than ${indexBytesMax} bytes`);
  }
  return jsonBody(request);
}

function isOfType(logstore: Logstore, telemetryType: string | undefined): boolean {
  if (telemetryType === undefined) return true;
  return (logstore.telemetryType || 'None') === telemetryType;
}

function logstoreJson(logstore: Logstore): Record<string, unknown> {
  const { uid: _uid, project: _project, shards, ...fields } = logstore;
  return { ...fields, shardCount: shards.filter((shard) => shard.status === 'readwrite').length };
}
