import { describe, expect, it } from 'vitest';
import { errorOf, type ReceivedReply, send, startFrontEnd } from './testing.ts';

type FrontEnd = Awaited<ReturnType<typeof startFrontEnd>>;

/** A front end with a project `shop` that has a logstore `orders`. */
async function startShop(): Promise<FrontEnd> {
  const sls = await startFrontEnd();
  await sls.catalog.createProject({ projectName: 'shop' });
  await sls.catalog.createLogstore('shop', 'orders');
  return sls;
}

function call(sls: FrontEnd, method: string, path: string, body?: unknown): Promise<ReceivedReply> {
  return send(sls.port, {
    method,
    path,
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
}

async function ok(sls: FrontEnd, method: string, path: string, body?: unknown): Promise<unknown> {
  const reply = await call(sls, method, path, body);
  expect([reply.status, reply.text.slice(0, 200)]).toEqual([200, expect.anything()]);
  return reply.text === '' ? undefined : JSON.parse(reply.text);
}

/** One kind after another: path, name field, a body, the codes of a missing and a taken name, the list of one. */
const kinds: readonly (readonly [string, string, object, string, string, object])[] = [
  [
    '/savedsearches',
    'savedsearchName',
    { logstore: 'orders', searchQuery: '*', displayName: 'd' },
    'SavedSearchNotExist',
    'SavedSearchAlreadyExist',
    { savedsearches: ['one'], savedsearchItems: [{ savedsearchName: 'one', displayName: 'd' }] },
  ],
  [
    '/dashboards',
    'dashboardName',
    { displayName: 'd', charts: [] },
    'DashboardNotExist',
    'ParameterInvalid',
    { dashboards: ['one'], dashboardItems: [{ dashboardName: 'one', displayName: 'd' }] },
  ],
  [
    '/jobs',
    'name',
    { type: 'Alert', configuration: {}, schedule: {} },
    'JobNotExist',
    'JobAlreadyExist',
    { results: [{ name: 'one', type: 'Alert', status: 'ENABLED' }] },
  ],
  [
    '/configs',
    'configName',
    { inputType: 'file', inputDetail: {}, outputDetail: { logstoreName: 'orders' } },
    'ConfigNotExist',
    'ConfigAlreadyExist',
    { configs: ['one'] },
  ],
  [
    '/pipelineconfigs',
    'configName',
    { inputs: [], flushers: [] },
    'ConfigNotExist',
    'ConfigAlreadyExist',
    { configs: ['one'] },
  ],
  [
    '/machinegroups',
    'groupName',
    { machineIdentifyType: 'ip', machineList: ['10.0.0.1'] },
    'MachineGroupNotExist',
    'MachineGroupAlreadyExist',
    { machinegroups: ['one'] },
  ],
  [
    '/externalstores',
    'externalStoreName',
    { storeType: 'rds-vpc', parameter: {} },
    'ExternalStoreNotExist',
    'ExternalStoreAlreadyExist',
    { externalstores: ['one'] },
  ],
  [
    '/storeviews',
    'name',
    { storeType: 'logstore', stores: [] },
    'StoreViewNotExist',
    'StoreViewAlreadyExist',
    { storeviews: ['one'] },
  ],
  [
    '/resources',
    'name',
    { type: 'userdefine', schema: '{}' },
    'ResourceNotExist',
    'ResourceAlreadyExist',
    { items: [{ name: 'one', schema: '{}' }] },
  ],
];

describe.each(kinds)('%s', (path, nameField, body, notExist, alreadyExist, list) => {
  it('are created, read, listed, changed and deleted', async () => {
    await using sls = await startShop();
    expect(errorOf(await call(sls, 'GET', `${path}/one`)).slice(0, 2)).toEqual([404, notExist]);
    expect(await ok(sls, 'GET', path)).toMatchObject({ total: 0, count: 0 });
    await ok(sls, 'POST', path, { ...body, [nameField]: 'one' });
    expect(errorOf(await call(sls, 'POST', path, { ...body, [nameField]: 'one' })).slice(0, 2)).toEqual([
      400,
      alreadyExist,
    ]);
    expect(await ok(sls, 'GET', `${path}/one`)).toMatchObject({ ...body, [nameField]: 'one' });
    expect(await ok(sls, 'GET', path)).toMatchObject({ total: 1, count: 1, ...list });
    await ok(sls, 'PUT', `${path}/one`, { ...body, [nameField]: 'one', description: 'changed' });
    expect(await ok(sls, 'GET', `${path}/one`)).toMatchObject({ ...body, description: 'changed' });
    await ok(sls, 'DELETE', `${path}/one`);
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const reply = await call(sls, method, `${path}/one`, method === 'PUT' ? body : undefined);
      expect(errorOf(reply).slice(0, 2)).toEqual([404, notExist]);
    }
  });

  it('refuse a body without a name, and one that is not JSON', async () => {
    await using sls = await startShop();
    expect(errorOf(await call(sls, 'POST', path, body))).toEqual([
      400,
      'ParameterInvalid',
      `The parameter ${nameField} is required`,
    ]);
    expect(errorOf(await call(sls, 'POST', path, '[]'))[1]).toBe('PostBodyInvalid');
    for (const name of ['a/b', 'x'.repeat(300), '\n']) {
      expect(errorOf(await call(sls, 'POST', path, { ...body, [nameField]: name }))[1]).toBe(
        'ParameterInvalid',
      );
    }
  });
});
