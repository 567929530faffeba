import { SlsError, slsErrors } from '@sampan/sls-wire';
import type { JsonObject } from '../resources/resource-kind.ts';
import { shippers } from '../resources/store-kinds.ts';
import { type Call, logstoreOf, type Operation } from './operation.ts';
import { emptyReply, jsonReply } from './reply.ts';
import { integerParameter, jsonBody, pageOf, parameter } from './request.ts';
import { entriesOf, requireEntry, resourceOperations } from './resource-operations.ts';

function owningLogstore(call: Call): string {
  const { project, logstore } = logstoreOf(call);
  return call.backend.catalog.requireLogstore(project, logstore).uid;
}

const plain = resourceOperations(shippers, owningLogstore);

/** Stored and given back; nothing is delivered. */
export const shipperOperations = {
  ...plain,
  create: {
    ...plain.create,
    run(call: Call) {
      checkRole(jsonBody(call.request));
      return plain.create.run(call);
    },
  } satisfies Operation,
  update: {
    ...plain.update,
    run(call: Call) {
      checkRole(jsonBody(call.request));
      return plain.update.run(call);
    },
  } satisfies Operation,
};

/** A role of no possible account (their ids have sixteen digits) is one that the caller may not pass on. */
function checkRole(body: JsonObject): void {
  const configuration = body['targetConfiguration'] as JsonObject | null | undefined;
  const role = configuration?.['roleArn'];
  if (typeof role !== 'string' || role === '' || /^acs:ram::\d{16}:role\/./i.test(role)) return;
  throw new SlsError(
    401,
    'Unauthorized',
    `denied by sts or ram, action: ram:PassRole, resource: ${role.slice(0, 256)}`,
  );
}

const taskWindowSeconds = 48 * 3600;

/** Deliveries of the last two days: none, for nothing is delivered. */
export const listShipperTasks: Operation = {
  name: 'GetShipperTasks',
  run(call) {
    const owner = owningLogstore(call);
    const now = Math.floor(call.backend.clock.nowMs() / 1000);
    const from = integerParameter(call.request, 'from') ?? now;
    if (now - from > taskWindowSeconds) {
      throw slsErrors.parameterInvalid('only support query last 48 hours task status');
    }
    const status = parameter(call.request, 'status');
    if (status !== undefined && !['success', 'fail', 'running'].includes(status)) {
      throw slsErrors.parameterInvalid(`status ${status} is invalid`);
    }
    pageOf(call.request);
    requireEntry(
      entriesOf(call, shippers, () => owner),
      shippers,
      call.path['name'] ?? '',
    );
    return jsonReply({ count: 0, total: 0, statistics: { running: 0, success: 0, fail: 0 }, tasks: [] });
  },
};

export const retryShipperTasks: Operation = {
  name: 'RetryShipperTasks',
  run(call) {
    requireEntry(entriesOf(call, shippers, owningLogstore), shippers, call.path['name'] ?? '');
    return emptyReply;
  },
};
