import { createHash } from 'node:crypto';
import { SlsError, slsErrors } from '@sampan/sls-wire';
import { initialJobStatus, jobActions, jobCountMax, jobs } from '../resources/job-kinds.ts';
import type { JsonObject, ResourceKind } from '../resources/resource-kind.ts';
import type { Call, Operation } from './operation.ts';
import { emptyReply, jsonReply, type Reply } from './reply.ts';
import { jsonBody } from './request.ts';
import {
  entriesOf,
  type ResourceOperations,
  requireEntry,
  resourceOperations,
} from './resource-operations.ts';

/** The operations of one door to the jobs: stored and given back, never run. */
export function jobOperations(door: ResourceKind): ResourceOperations & { readonly act: Operation } {
  const operations = resourceOperations({ ...door, intoView: (body) => asJob(door, body) });
  return {
    ...operations,
    create: {
      ...operations.create,
      run(call) {
        checkCountOfType(call, door);
        return operations.create.run(call);
      },
    },
    act: { name: `Change${door.noun}State`, run: (call) => act(call, door) },
  };
}

/** What the service adds to a job: its status, which clients only read, and the id of its schedule. */
function asJob(door: ResourceKind, given: JsonObject): JsonObject {
  const body = door.intoView?.(given) ?? given;
  const status = typeof body['status'] === 'string' && body['status'] !== '' ? body['status'] : undefined;
  const scheduleId = createHash('sha256').update(String(body['name'])).digest('hex').slice(0, 32);
  return { ...body, status: status ?? initialJobStatus(body['type']), scheduleId };
}

function checkCountOfType(call: Call, door: ResourceKind): void {
  const { type } = door.intoView?.({}) ?? jsonBody(call.request);
  const max = jobCountMax[String(type)];
  if (max === undefined) return;
  const { table, place } = entriesOf(call, jobs);
  if (table.list(place).filter(({ body }) => body['type'] === type).length >= max) {
    throw slsErrors.exceedQuota(`${String(type)} quota exceed: at most ${max}`);
  }
}

/** `PUT ?action=`: a body, when there is one (RESTART), replaces what it names. */
function act(call: Call, door: ResourceKind): Promise<Reply> {
  return call.backend.resources.exclusive(async () => {
    const entries = entriesOf(call, door);
    const before = requireEntry(entries, door, call.path['name'] ?? '');
    const action = call.request.query.find(([name]) => name === 'action')?.[1] ?? '';
    const change = call.request.body.length === 0 ? {} : jsonBody(call.request);
    const body = { ...before.body, ...change, name: before.name, status: jobActions[action] };
    await entries.table.put(entries.place, { ...before, body, lastModifyTime: entries.now });
    return emptyReply;
  });
}

/** No job ever runs here, so none has instances. */
export const listJobInstances: Operation = {
  name: 'ListJobInstances',
  run(call) {
    requireEntry(entriesOf(call, jobs), jobs, call.path['name'] ?? '');
    return jsonReply({ total: 0, count: 0, results: [] });
  },
};

export const getJobInstance: Operation = {
  name: 'GetJobInstance',
  run(call) {
    requireEntry(entriesOf(call, jobs), jobs, call.path['name'] ?? '');
    throw new SlsError(
      404,
      'JobInstanceNotExist',
      `Job instance ${call.path['instance'] ?? ''} does not exist`,
    );
  },
};
