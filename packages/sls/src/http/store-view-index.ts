import { isSlsError, slsErrors } from '@sampan/sls-wire';
import type { JsonObject } from '../resources/resource-kind.ts';
import { storeViews } from '../resources/store-kinds.ts';
import { getIndex } from './logstore-operations.ts';
import { type Call, type Operation, projectOf } from './operation.ts';
import { jsonReply } from './reply.ts';
import { entriesOf, requireEntry } from './resource-operations.ts';

/** `GET /storeviews/{name}/index`: the indexes of the logstores behind a view. */
export const getStoreViewIndex: Operation = {
  name: 'GetStoreViewIndex',
  async run(call) {
    const { body } = requireEntry(entriesOf(call, storeViews), storeViews, call.path['name'] ?? '');
    if (body['storeType'] !== 'logstore') {
      throw slsErrors.notSupported(`storeType ${String(body['storeType'])} is not supported`);
    }
    const indexes: JsonObject[] = [];
    const errors: JsonObject[] = [];
    for (const store of Array.isArray(body['stores']) ? (body['stores'] as JsonObject[]) : []) {
      const projectName = String(store['project'] ?? projectOf(call));
      const logstore = String(store['storeName'] ?? '');
      try {
        const index = await indexOf(call, projectName, logstore);
        // Go reads `projectName`, the generated SDKs `project`.
        indexes.push({ project: projectName, projectName, logstore, index });
      } catch (error) {
        if (!isSlsError(error)) throw error;
        const { status, errorMessage: message } = error;
        errors.push({ projectName, logstore, status, message });
      }
    }
    return jsonReply({ indexes, storeViewErrors: errors });
  },
};

async function indexOf(call: Call, project: string, logstore: string): Promise<unknown> {
  const reply = await getIndex.run({ ...call, request: { ...call.request, project }, path: { logstore } });
  return JSON.parse(reply.body.toString('utf8'));
}
