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

describe('charts', () => {
  it('are parts of their dashboard', async () => {
    await using sls = await startShop();
    await ok(sls, 'POST', '/dashboards', { dashboardName: 'd', charts: [] });
    await ok(sls, 'POST', '/dashboards/d/charts', { title: 'map', type: 'map' });
    expect(errorOf(await call(sls, 'POST', '/dashboards/d/charts', { title: 'map' }))[1]).toBe(
      'ChartAlreadyExist',
    );
    // The Java and Go clients name the chart in the body only.
    await ok(sls, 'PUT', '/dashboards/d/charts', { title: 'map', type: 'table' });
    expect(await ok(sls, 'GET', '/dashboards/d/charts/map')).toEqual({ title: 'map', type: 'table' });
    expect(await ok(sls, 'GET', '/dashboards/d')).toMatchObject({
      charts: [{ title: 'map', type: 'table' }],
    });
    await ok(sls, 'DELETE', '/dashboards/d/charts/map');
    expect(errorOf(await call(sls, 'GET', '/dashboards/d/charts/map')).slice(0, 2)).toEqual([
      404,
      'ChartNotExist',
    ]);
    expect(errorOf(await call(sls, 'GET', '/dashboards/e/charts/map'))[1]).toBe('DashboardNotExist');
  });
});

describe('machine groups', () => {
  it('have configurations applied, known from both ends', async () => {
    await using sls = await startShop();
    const config = { inputType: 'file', inputDetail: {}, outputDetail: { logstoreName: 'orders' } };
    await ok(sls, 'POST', '/configs', { ...config, configName: 'c' });
    await ok(sls, 'POST', '/pipelineconfigs', { configName: 'p', inputs: [], flushers: [] });
    await ok(sls, 'POST', '/machinegroups', { groupName: 'g', machineIdentifyType: 'ip', machineList: [] });
    for (const name of ['c', 'p', 'c']) await ok(sls, 'PUT', `/machinegroups/g/configs/${name}`);
    expect(await ok(sls, 'GET', '/machinegroups/g/configs')).toEqual({ count: 2, configs: ['c', 'p'] });
    expect(await ok(sls, 'GET', '/configs/c/machinegroups')).toEqual({ count: 1, machinegroups: ['g'] });
    expect(errorOf(await call(sls, 'PUT', '/machinegroups/g/configs/x'))[1]).toBe('ConfigNotExist');
    expect(errorOf(await call(sls, 'PUT', '/machinegroups/h/configs/c'))[1]).toBe('MachineGroupNotExist');
    await ok(sls, 'DELETE', '/machinegroups/g/configs/p');
    await ok(sls, 'DELETE', '/configs/c');
    expect(await ok(sls, 'GET', '/machinegroups/g/configs')).toEqual({ count: 0, configs: [] });
  });

  it('gain and lose machines', async () => {
    await using sls = await startShop();
    await ok(sls, 'POST', '/machinegroups', {
      groupName: 'g',
      machineIdentifyType: 'ip',
      machineList: ['a'],
    });
    await ok(sls, 'PUT', '/machinegroups/g/machines?action=add', ['b', 'a']);
    expect(await ok(sls, 'GET', '/machinegroups/g')).toMatchObject({ machineList: ['a', 'b'] });
    await ok(sls, 'PUT', '/machinegroups/g/machines?action=delete', ['a']);
    expect(await ok(sls, 'GET', '/machinegroups/g')).toMatchObject({ machineList: ['b'] });
    expect(await ok(sls, 'GET', '/machinegroups/g/machines')).toEqual({ total: 0, count: 0, machines: [] });
  });
});

describe('resource records', () => {
  it('are created, replaced, listed by id and tag, and deleted with their resource', async () => {
    await using sls = await startShop();
    await ok(sls, 'POST', '/resources', { name: 'r', type: 'userdefine' });
    await ok(sls, 'POST', '/resources/r/records', { id: '1', tag: 't', value: '{}' });
    expect(errorOf(await call(sls, 'POST', '/resources/r/records', { id: '1', value: '' }))[1]).toBe(
      'ResourceRecordAlreadyExist',
    );
    await ok(sls, 'PUT', '/resources/r/records', {
      records: [
        { id: '1', tag: 'u', value: 'a' },
        { id: '2', tag: 'u', value: 'b' },
      ],
    });
    await ok(sls, 'PUT', '/resources/r/records/2', { value: 'c' });
    expect(await ok(sls, 'GET', '/resources/r/records?tag=u')).toMatchObject({
      total: 2,
      items: [
        { id: '1', value: 'a' },
        { id: '2', tag: 'u', value: 'c' },
      ],
    });
    expect(await ok(sls, 'GET', '/resources/r/records?ids=2')).toMatchObject({
      total: 1,
      items: [{ id: '2' }],
    });
    await ok(sls, 'DELETE', '/resources/r/records?ids=1%2C9');
    expect(errorOf(await call(sls, 'GET', '/resources/r/records/1')).slice(0, 2)).toEqual([
      404,
      'ResourceRecordNotExist',
    ]);
    await ok(sls, 'DELETE', '/resources/r');
    expect(errorOf(await call(sls, 'GET', '/resources/r/records'))[1]).toBe('ResourceNotExist');
    await ok(sls, 'POST', '/resources', { name: 'r', type: 'userdefine' });
    expect(await ok(sls, 'GET', '/resources/r/records')).toMatchObject({ total: 0 });
  });

  it("of the service's own resources need no resource to be created", async () => {
    await using sls = await startShop();
    await ok(sls, 'POST', '/resources/sls.common.user/records', { id: 'u', value: '{}' });
    expect(await ok(sls, 'GET', '/resources/sls.common.user')).toMatchObject({ name: 'sls.common.user' });
    expect(await ok(sls, 'GET', '/resources')).toMatchObject({ total: 0 });
  });
});

describe('tags', () => {
  const query = `resourceType=project&resourceId=${encodeURIComponent('["shop"]')}`;

  it('are pairs of a project, from either host', async () => {
    await using sls = await startShop();
    const tagged = [
      { key: 'a', value: '1' },
      { key: '中文', value: '“x”' },
    ];
    await ok(sls, 'POST', '/tag', { resourceType: 'project', resourceId: ['shop'], tags: tagged });
    const list = await send(sls.port, { path: `/tags?${query}&tags=%5B%5D&nextToken=`, host: 'sls.local' });
    const base = { resourceType: 'project', resourceId: 'shop' };
    expect(JSON.parse(list.text)).toEqual({
      nextToken: '',
      tagResources: tagged.map(({ key, value }) => ({ ...base, tagKey: key, tagValue: value })),
    });
    await ok(sls, 'POST', '/untag', { resourceType: 'project', resourceId: ['shop'], tags: ['a'] });
    expect(await ok(sls, 'GET', `/tags?${query}`)).toMatchObject({ tagResources: [{ tagKey: '中文' }] });
    await ok(sls, 'POST', '/untag', { resourceType: 'project', resourceId: ['shop'], tags: [], all: true });
    expect(await ok(sls, 'GET', `/tags?${query}`)).toEqual({ nextToken: '', tagResources: [] });
  });

  it('are at most 20 to a request and a resource', async () => {
    await using sls = await startShop();
    const tags = (from: number, count: number) =>
      Array.from({ length: count }, (_, index) => ({ key: `k${from + index}`, value: 'v' }));
    const tag = (pairs: unknown) => ({ resourceType: 'project', resourceId: ['shop'], tags: pairs });
    const refusal = [400, 'ParameterInvalid', 'request tag key value pair size must little than 20'];
    expect(errorOf(await call(sls, 'POST', '/tag', tag(tags(0, 21))))).toEqual(refusal);
    await ok(sls, 'POST', '/tag', tag(tags(0, 20)));
    expect(errorOf(await call(sls, 'POST', '/tag', tag(tags(20, 1))))).toEqual(refusal);
    expect(
      errorOf(
        await call(sls, 'POST', '/tag', { resourceType: 'project', resourceId: ['no-such'], tags: [] }),
      )[1],
    ).toBe('ProjectNotExist');
  });
});

describe('settings of a project', () => {
  it('hold a policy as the very text that was put', async () => {
    await using sls = await startShop();
    const text = '\n{ "Version":"1",  "Statement": [] }';
    expect((await call(sls, 'GET', '/policy')).text).toBe('');
    await ok(sls, 'POST', '/policy', text);
    expect((await call(sls, 'GET', '/policy')).text).toBe(text);
    await ok(sls, 'DELETE', '/policy');
    expect((await call(sls, 'GET', '/policy')).text).toBe('');
    expect(errorOf(await call(sls, 'POST', '/policy', 'no'))[1]).toBe('PostBodyInvalid');
  });

  it('hold where it logs, once', async () => {
    await using sls = await startShop();
    const body = { loggingProject: 'shop', loggingDetails: [{ type: 'operation_log', logstore: 'orders' }] };
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const reply = await call(sls, method, '/logging', method === 'PUT' ? body : undefined);
      expect(errorOf(reply).slice(0, 2)).toEqual([404, 'LoggingNotExist']);
    }
    await ok(sls, 'POST', '/logging', body);
    expect(errorOf(await call(sls, 'POST', '/logging', body)).slice(0, 2)).toEqual([
      400,
      'LoggingAlreadyExist',
    ]);
    expect(await ok(sls, 'GET', '/logging')).toEqual(body);
    await ok(sls, 'DELETE', '/logging');
  });

  it('hold its SQL instance as a list', async () => {
    await using sls = await startShop();
    expect(await ok(sls, 'GET', '/sqlinstance')).toEqual([]);
    await ok(sls, 'POST', '/sqlinstance', { cu: 2, useAsDefault: true });
    expect(await ok(sls, 'GET', '/sqlinstance')).toMatchObject([{ cu: 2, useAsDefault: true }]);
    expect(errorOf(await call(sls, 'PUT', '/sqlinstance', { cu: 0 }))[1]).toBe('ParameterInvalid');
  });

  it('hold its resource group, changed by name', async () => {
    await using sls = await startShop();
    await ok(sls, 'PUT', '/resourcegroup', {
      resourceId: 'shop',
      resourceGroupId: 'rg',
      resourceType: 'PROJECT',
    });
    expect(await ok(sls, 'GET', '/')).toMatchObject({ resourceGroupId: 'rg' });
  });
});

describe('shippers', () => {
  it('belong to their logstore, and need a role that exists', async () => {
    await using sls = await startShop();
    const path = '/logstores/orders/shipper';
    const body = (role: string) => ({
      shipperName: 's',
      targetType: 'oss',
      targetConfiguration: { roleArn: role },
    });
    expect(errorOf(await call(sls, 'POST', path, body('acs:ram::1234:role/r')))).toEqual([
      401,
      'Unauthorized',
      'denied by sts or ram, action: ram:PassRole, resource: acs:ram::1234:role/r',
    ]);
    // The role comes before the name, as the vendor's command list shows.
    expect(errorOf(await call(sls, 'PUT', `${path}/s`, body('acs:ram::1234:role/r')))[1]).toBe(
      'Unauthorized',
    );
    expect(errorOf(await call(sls, 'GET', `${path}/s`))).toEqual([
      404,
      'ParameterInvalid',
      'shipperName s does not exist',
    ]);
    await ok(sls, 'POST', path, body('acs:ram::1234567890123456:role/r'));
    expect(await ok(sls, 'GET', path)).toEqual({ total: 1, count: 1, shipper: ['s'] });
    expect(errorOf(await call(sls, 'GET', `${path}/s/tasks?from=1&to=2`))).toEqual([
      400,
      'ParameterInvalid',
      'only support query last 48 hours task status',
    ]);
    await sls.catalog.deleteLogstore('shop', 'orders');
    await sls.catalog.createLogstore('shop', 'orders');
    expect(await ok(sls, 'GET', path)).toMatchObject({ total: 0 });
  });
});

describe('views', () => {
  it('show the indexes of their logstores, and which they cannot', async () => {
    await using sls = await startShop();
    const index = { line: { token: [' '] }, keys: {} };
    await sls.catalog.createIndex('shop', 'orders', index);
    const stores = [
      { project: 'shop', storeName: 'orders' },
      { project: 'shop', storeName: 'gone' },
    ];
    await ok(sls, 'POST', '/storeviews', { name: 'v', storeType: 'logstore', stores });
    await ok(sls, 'POST', '/storeviews', { name: 'm', storeType: 'metricstore', stores: [] });
    expect(await ok(sls, 'GET', '/storeviews/v/index')).toMatchObject({
      indexes: [{ projectName: 'shop', logstore: 'orders', index }],
      storeViewErrors: [{ projectName: 'shop', logstore: 'gone', status: 404 }],
    });
    expect(errorOf(await call(sls, 'GET', '/storeviews/m/index'))[1]).toBe('NotSupported');
  });
});

describe('everything of a project', () => {
  it('is gone with it, also for one made anew under its name', async () => {
    await using sls = await startShop();
    await ok(sls, 'POST', '/dashboards', { dashboardName: 'd' });
    await ok(sls, 'POST', '/tag', {
      resourceType: 'project',
      resourceId: ['shop'],
      tags: [{ key: 'a', value: '1' }],
    });
    await sls.catalog.deleteProject('shop');
    expect(errorOf(await call(sls, 'GET', '/dashboards'))[1]).toBe('ProjectNotExist');
    await sls.catalog.createProject({ projectName: 'shop' });
    expect(await ok(sls, 'GET', '/dashboards')).toMatchObject({ total: 0 });
    expect(await ok(sls, 'GET', '/tags?resourceType=project')).toMatchObject({ tagResources: [] });
  });

  it('is created once by many that ask at once, and bounded in number and size', async () => {
    await using sls = await startShop();
    const create = (name: string) => call(sls, 'POST', '/dashboards', { dashboardName: name });
    const replies = await Promise.all(Array.from({ length: 8 }, () => create('d')));
    expect(replies.map(({ status }) => status).sort()).toEqual([
      200,
      ...Array.from({ length: 7 }, () => 400),
    ]);
    for (let number = 1; number < 100; number++)
      await ok(sls, 'POST', '/dashboards', { dashboardName: `d${number}` });
    expect(errorOf(await create('one-more')).slice(0, 2)).toEqual([403, 'ExceedQuota']);
    const large = { dashboardName: 'd', description: 'x'.repeat(1024 * 1024) };
    expect(errorOf(await call(sls, 'PUT', '/dashboards/d', large))[1]).toBe('PostBodyTooLarge');
  });
});
