import { slsErrors } from '@sampan/sls-wire';
import { isBuiltInResource, namesIn, resourceRecords, resources } from '../resources/account-kinds.ts';
import type { Call, Operation } from './operation.ts';
import { emptyReply, jsonReply } from './reply.ts';
import { jsonBody, parameter } from './request.ts';
import {
  checkName,
  entriesOf,
  entryJson,
  requireEntry,
  resourceBytesMax,
  resourceOperations,
} from './resource-operations.ts';

const recordsPerCallMax = 1000;

function owningResource(call: Call): string {
  const name = call.path['owner'] ?? '';
  if (!isBuiltInResource(name)) requireEntry(entriesOf(call, resources), resources, name);
  return name;
}

const plain = resourceOperations(resources);

export const resourceTableOperations = {
  ...plain,
  get: {
    ...plain.get,
    run(call: Call) {
      const name = call.path['name'] ?? '';
      const { table, place } = entriesOf(call, resources);
      const found = table.get(place, name);
      if (found !== undefined) return jsonReply(entryJson(resources, found));
      if (!isBuiltInResource(name)) throw resources.errors.notExist(name);
      return jsonReply({ ...resources.defaults, name, type: 'sys', createTime: 0, lastModifyTime: 0 });
    },
  } satisfies Operation,
};

export const recordOperations = resourceOperations(resourceRecords, owningResource);

/** `PUT …/records`: each record replaces the one of its id, or is new. */
export const upsertRecords: Operation = {
  name: 'UpsertResourceRecord',
  run: (call) =>
    call.backend.resources.exclusive(async () => {
      const { table, place, now } = entriesOf(call, resourceRecords, owningResource);
      const { records } = jsonBody(call.request);
      if (call.request.body.length > resourceBytesMax) {
        throw slsErrors.postBodyTooLarge(call.request.body.length, resourceBytesMax);
      }
      if (!Array.isArray(records) || records.length > recordsPerCallMax) {
        throw slsErrors.parameterInvalid('The parameter records is invalid');
      }
      const checked = records.map(recordOf);
      const added = checked.filter(({ id }) => table.get(place, id) === undefined).length;
      if (table.list(place).length + added > resourceRecords.countMax) {
        throw slsErrors.exceedQuota(`ResourceRecord quota exceed: at most ${resourceRecords.countMax}`);
      }
      for (const { id, body } of checked) {
        const createTime = table.get(place, id)?.createTime ?? now;
        await table.put(place, { name: id, body, createTime, lastModifyTime: now, links: [] });
      }
      return emptyReply;
    }),
};

function recordOf(given: unknown): { id: string; body: Record<string, unknown> } {
  const record = typeof given === 'object' && given !== null ? (given as Record<string, unknown>) : {};
  const { id, tag = '', value } = record;
  if (typeof id !== 'string' || id === '' || value === undefined) {
    throw slsErrors.parameterInvalid('Each record needs an id and a value');
  }
  checkName(id, resourceRecords);
  return { id, body: { id, tag, value } };
}

/** `DELETE …/records?ids=a,b`. */
export const deleteRecords: Operation = {
  name: 'DeleteResourceRecord',
  run: (call) =>
    call.backend.resources.exclusive(async () => {
      const { table, place } = entriesOf(call, resourceRecords, owningResource);
      const ids = parameter(call.request, 'ids');
      if (ids === undefined) throw slsErrors.parameterInvalid('The parameter ids is required');
      for (const id of namesIn(ids)) await table.remove(place, id);
      return emptyReply;
    }),
};
