import { slsErrors } from '@sampan/sls-wire';
import { ingestProcessors } from '../resources/store-kinds.ts';
import { logstoreOf, type Operation } from './operation.ts';
import { emptyReply, jsonReply } from './reply.ts';
import { jsonBody } from './request.ts';
import { entriesOf, requireEntry } from './resource-operations.ts';

/** `PUT /logstores/{logstore}/encryption`: another way to write `encrypt_conf`. Nothing is encrypted. */
export const updateEncryption: Operation = {
  name: 'UpdateLogStoreEncryption',
  async run(call) {
    const { project, logstore } = logstoreOf(call);
    const { enable, encryptType = 'default', userCmkInfo } = jsonBody(call.request);
    if (typeof enable !== 'boolean') throw slsErrors.parameterInvalid('The parameter enable is required');
    const cmk = userCmkInfo as { keyId?: unknown; roleArn?: unknown; regionId?: unknown } | null | undefined;
    const own = cmk
      ? { user_cmk_info: { cmk_key_id: cmk.keyId, arn: cmk.roleArn, region_id: cmk.regionId } }
      : {};
    await call.backend.catalog.updateLogstore(project, logstore, {
      encrypt_conf: { enable, encrypt_type: encryptType, ...own },
    });
    return emptyReply;
  },
};

/** `DELETE /logstores/{logstore}/storage`. */
export const clearStorage: Operation = {
  name: 'ClearLogStoreStorage',
  async run(call) {
    const { project, logstore } = logstoreOf(call);
    await call.backend.catalog.clearLogstore(project, logstore);
    return emptyReply;
  },
};

/** `POST /logstores/{logstore}/processor`: names the processor of what is written; it is not run. */
export const updateProcessor: Operation = {
  name: 'UpdateLogStoreProcessor',
  async run(call) {
    const { project, logstore } = logstoreOf(call);
    const { processorName } = jsonBody(call.request);
    if (typeof processorName !== 'string') {
      throw slsErrors.parameterInvalid('The parameter processorName is required');
    }
    if (processorName !== '') {
      requireEntry(entriesOf(call, ingestProcessors), ingestProcessors, processorName);
    }
    await call.backend.catalog.updateLogstore(project, logstore, { processorId: processorName });
    return emptyReply;
  },
};

/** Only metric stores have substores. */
export const listSubStores: Operation = {
  name: 'ListSubStores',
  run(call) {
    const { project, logstore } = logstoreOf(call);
    call.backend.catalog.requireLogstore(project, logstore);
    return jsonReply({ substores: [] });
  },
};
