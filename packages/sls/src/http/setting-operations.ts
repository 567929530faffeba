import { SlsError, slsErrors } from '@sampan/sls-wire';
import type { JsonObject, StoredResource } from '../resources/resource-kind.ts';
import type { Place } from '../resources/resource-table.ts';
import { type Call, logstoreOf, type Operation, projectOf } from './operation.ts';
import { emptyReply, jsonReply, type Reply } from './reply.ts';
import { jsonBody } from './request.ts';
import { resourceBytesMax } from './resource-operations.ts';

/** Where a setting of which there is one per project or logstore is kept. */
type PlaceOf = (call: Call) => Place;

const ofProject: PlaceOf = (call) => ({
  project: projectOf(call),
  table: 'project-settings',
  owner: '',
});

const ofLogstore: PlaceOf = (call) => {
  const { project, logstore } = logstoreOf(call);
  const { uid } = call.backend.catalog.requireLogstore(project, logstore);
  return { project, table: 'logstore-settings', owner: uid };
};

/** The operations of such a setting. */
interface SettingOperations {
  readonly get: Operation;
  readonly put: Operation;
  readonly create: Operation;
  readonly remove: Operation;
}

interface Setting {
  readonly noun: string;
  readonly key: string;
  readonly placeOf: PlaceOf;
  /** What a get call answers while nothing is stored; `undefined` is the `NotExist` error. */
  readonly initial: JsonObject | undefined;
  readonly errors?: { readonly notExist: SlsError; readonly alreadyExist: SlsError };
  /** Checks and completes a body. */
  readonly parse: (body: JsonObject, before: JsonObject | undefined) => JsonObject;
  readonly print?: (body: JsonObject) => Reply;
}

function settingOperations(setting: Setting): SettingOperations {
  const find = (call: Call): StoredResource | undefined =>
    call.backend.resources.get(setting.placeOf(call), setting.key);

  function save(call: Call, check: (before: StoredResource | undefined) => void): Promise<Reply> {
    return call.backend.resources.exclusive(async () => {
      const before = find(call);
      check(before);
      const bytes = call.request.body.length;
      if (bytes > resourceBytesMax) throw slsErrors.postBodyTooLarge(bytes, resourceBytesMax);
      const now = Math.floor(call.backend.clock.nowMs() / 1000);
      await call.backend.resources.put(setting.placeOf(call), {
        name: setting.key,
        body: setting.parse(jsonBody(call.request), before?.body),
        createTime: before?.createTime ?? now,
        lastModifyTime: now,
        links: [],
      });
      return emptyReply;
    });
  }

  return {
    get: {
      name: `Get${setting.noun}`,
      run(call) {
        const found = find(call);
        const body = found?.body ?? setting.initial;
        if (body === undefined) throw setting.errors?.notExist ?? slsErrors.internalServerError();
        return setting.print?.(body) ?? jsonReply(body);
      },
    },
    put: {
      name: `Update${setting.noun}`,
      run: (call) =>
        save(call, (before) => {
          if (before === undefined && setting.errors !== undefined) throw setting.errors.notExist;
        }),
    },
    create: {
      name: `Create${setting.noun}`,
      run: (call) =>
        save(call, (before) => {
          if (before !== undefined && setting.errors !== undefined) throw setting.errors.alreadyExist;
        }),
    },
    remove: {
      name: `Delete${setting.noun}`,
      run: (call) =>
        call.backend.resources.exclusive(async () => {
          if (find(call) === undefined && setting.errors !== undefined) throw setting.errors.notExist;
          await call.backend.resources.remove(setting.placeOf(call), setting.key);
          return emptyReply;
        }),
    },
  };
}

/** The value of a field that must be one of a few texts. */
function oneOf(body: JsonObject, field: string, values: readonly string[]): string {
  const value = body[field];
  if (typeof value === 'string' && values.includes(value)) return value;
  throw slsErrors.parameterInvalid(`The parameter ${field} must be one of ${values.join(', ')}`);
}

export const meteringMode = settingOperations({
  noun: 'LogStoreMeteringMode',
  key: 'meteringmode',
  placeOf: ofLogstore,
  initial: { meteringMode: 'ChargeByFunction' },
  parse: (body) => ({
    meteringMode: oneOf(body, 'meteringMode', ['ChargeByFunction', 'ChargeByDataIngest']),
  }),
});

export const multimodalConfiguration = settingOperations({
  noun: 'LogStoreMultimodalConfiguration',
  key: 'multimodalconfiguration',
  placeOf: ofLogstore,
  initial: { status: 'Disabled', anonymousWrite: 'Disabled' },
  parse: (body, before) => ({ anonymousWrite: 'Disabled', ...before, ...body }),
});

/** Where the service would write its own operation logs. */
export const logging = settingOperations({
  noun: 'Logging',
  key: 'logging',
  placeOf: ofProject,
  initial: undefined,
  errors: {
    notExist: new SlsError(404, 'LoggingNotExist', 'logging does not exist'),
    alreadyExist: new SlsError(400, 'LoggingAlreadyExist', 'logging already exists'),
  },
  parse(body) {
    if (typeof body['loggingProject'] !== 'string' || !Array.isArray(body['loggingDetails'])) {
      throw slsErrors.parameterInvalid('loggingProject and loggingDetails are required');
    }
    return { loggingProject: body['loggingProject'], loggingDetails: body['loggingDetails'] };
  },
});

/** Computing units of the project: one instance or none. */
export const sqlInstance = settingOperations({
  noun: 'SqlInstance',
  key: 'sqlinstance',
  placeOf: ofProject,
  initial: {},
  parse(body, before) {
    const { cu, useAsDefault = before?.['useAsDefault'] ?? false } = body;
    if (typeof cu !== 'number' || !Number.isInteger(cu) || cu < 1 || cu > 1000) {
      throw slsErrors.parameterInvalid('The parameter cu must be within range [1, 1000]');
    }
    return { name: 'default', cu, useAsDefault };
  },
  print: (body) => jsonReply(body['cu'] === undefined ? [] : [body]),
});

export const transferAcceleration = settingOperations({
  noun: 'ProjectTransferAcceleration',
  key: 'transferacceleration',
  placeOf: ofProject,
  initial: { enabled: false },
  parse: (body) => ({ enabled: body['enabled'] === true }),
});

const policyKey = 'policy';

/** The access policy of a project: the very text that was put; nothing here enforces it. */
export const getPolicy: Operation = {
  name: 'GetProjectPolicy',
  run(call) {
    const found = call.backend.resources.get(ofProject(call), policyKey);
    const text = typeof found?.body['text'] === 'string' ? found.body['text'] : '';
    // Labelled as text: what clients expect is a text, and an empty one is not JSON.
    return { status: 200, headers: { 'content-type': 'text/plain' }, body: Buffer.from(text, 'utf8') };
  },
};

export const putPolicy: Operation = {
  name: 'PutProjectPolicy',
  run: (call) =>
    call.backend.resources.exclusive(async () => {
      // Parsed for its errors only: the text is kept as it is.
      jsonBody(call.request);
      const bytes = call.request.body.length;
      if (bytes > resourceBytesMax) throw slsErrors.postBodyTooLarge(bytes, resourceBytesMax);
      const now = Math.floor(call.backend.clock.nowMs() / 1000);
      await call.backend.resources.put(ofProject(call), {
        name: policyKey,
        body: { text: call.request.body.toString('utf8') },
        createTime: now,
        lastModifyTime: now,
        links: [],
      });
      return emptyReply;
    }),
};

export const deletePolicy: Operation = {
  name: 'DeleteProjectPolicy',
  run: (call) =>
    call.backend.resources.exclusive(async () => {
      await call.backend.resources.remove(ofProject(call), policyKey);
      return emptyReply;
    }),
};
