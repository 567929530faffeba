import { describe, expect, it } from 'vitest';
import { errorOf, type ReceivedReply, send, startFrontEnd } from './testing.ts';

type FrontEnd = Awaited<ReturnType<typeof startFrontEnd>>;

async function call(
  sls: FrontEnd,
  method: string,
  path: string,
  body?: unknown,
  host?: string,
): Promise<ReceivedReply> {
  return send(sls.port, {
    method,
    path,
    ...(host === undefined ? {} : { host }),
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
}

describe('projects', () => {
  it('are created, read, listed, changed and deleted', async () => {
    await using sls = await startFrontEnd();
    expect(errorOf(await call(sls, 'GET', '/'))).toEqual([
      404,
      'ProjectNotExist',
      'The Project does not exist: shop',
    ]);
    const created = await call(sls, 'POST', '/', {
      projectName: 'shop',
      description: 'dify',
      resourceGroupId: '',
    });
    expect(created.status).toBe(200);
    // Dify and the npm client: the same call on the bare host; the body names the project.
    await call(sls, 'POST', '/', { projectName: 'other' }, 'sls.local');
    const project = JSON.parse((await call(sls, 'GET', '/')).text) as Record<string, unknown>;
    expect(project).toMatchObject({
      projectName: 'shop',
      status: 'Normal',
      description: 'dify',
      region: 'cn-hangzhou',
    });
    // Go decodes these two into texts.
    expect(project['createTime']).toMatch(/^\d{10}$/);
    expect(project['lastModifyTime']).toMatch(/^\d{10}$/);
    await call(sls, 'PUT', '/', { description: 'changed' });
    const list = JSON.parse((await call(sls, 'GET', '/?projectName=ho', undefined, 'sls.local')).text);
    expect(list).toMatchObject({
      count: 1,
      total: 1,
      projects: [{ projectName: 'shop', description: 'changed' }],
    });
    expect((await call(sls, 'DELETE', '/', { projectName: 'shop' })).status).toBe(200);
    expect(errorOf(await call(sls, 'GET', '/'))[1]).toBe('ProjectNotExist');
  });

  it('exist once, and have names of 3 to 63 lower-case letters, digits and hyphens', async () => {
    await using sls = await startFrontEnd();
    await call(sls, 'POST', '/', { projectName: 'shop' });
    expect(errorOf(await call(sls, 'POST', '/', { projectName: 'shop' }))).toEqual([
      400,
      'ProjectAlreadyExist',
      'Project shop already exist',
    ]);
    for (const projectName of ['ab', 'a'.repeat(64), 'Shop', 'a_b_c', '-shop', '../x', 'logtail', '']) {
      expect(errorOf(await call(sls, 'POST', '/', { projectName })).slice(0, 2)).toEqual([
        400,
        'ParameterInvalid',
      ]);
    }
    expect(errorOf(await call(sls, 'POST', '/', 'no json'))).toEqual([
      400,
      'PostBodyInvalid',
      'The request body is not valid JSON object.',
    ]);
    expect(errorOf(await call(sls, 'POST', '/', { projectName: 7 }))[1]).toBe('ParameterInvalid');
  });
});

describe('logstores', () => {
  it("take Dify's body and come back with every field its SDK wants", async () => {
    await using sls = await startFrontEnd();
    await sls.catalog.createProject({ projectName: 'shop' });
    expect(errorOf(await call(sls, 'GET', '/logstores/workflow_execution'))).toEqual([
      404,
      'LogStoreNotExist',
      'logstore workflow_execution does not exist',
    ]);
    const body = {
      logstoreName: 'workflow_execution',
      ttl: 365,
      shardCount: 2,
      enable_tracking: false,
      autoSplit: true,
      maxSplitShard: 64,
      appendMeta: false,
      telemetryType: '',
    };
    expect((await call(sls, 'POST', '/logstores', body)).status).toBe(200);
    expect(errorOf(await call(sls, 'POST', '/logstores', body))).toEqual([
      400,
      'LogStoreAlreadyExist',
      'logstore workflow_execution already exists',
    ]);
    const got = JSON.parse((await call(sls, 'GET', '/logstores/workflow_execution')).text) as Record<
      string,
      unknown
    >;
    expect(got).toMatchObject({ ...body, mode: 'standard', productType: '' });
    expect(typeof got['createTime']).toBe('number');
    expect(got).not.toHaveProperty('uid');
    expect(JSON.parse((await call(sls, 'GET', '/logstores')).text)).toEqual({
      count: 1,
      total: 1,
      logstores: ['workflow_execution'],
    });
  });

  it('keep on update what the body leaves out, and the number of shards in any case', async () => {
    await using sls = await startFrontEnd();
    await sls.catalog.createProject({ projectName: 'shop' });
    await sls.catalog.createLogstore('shop', 'orders', {
      ttl: 100,
      hot_ttl: 10,
      infrequentAccessTTL: 30,
      shardCount: 3,
    });
    expect((await call(sls, 'PUT', '/logstores/orders', { ttl: 120, shardCount: 9 })).status).toBe(200);
    expect(JSON.parse((await call(sls, 'GET', '/logstores/orders')).text)).toMatchObject({
      ttl: 120,
      hot_ttl: 10,
      infrequentAccessTTL: 30,
      shardCount: 3,
    });
  });

  it.each([
    [{ logstoreName: 'X' }, 'LogStoreInfoInvalid', 'logstore name X is invalid'],
    [{ ttl: 0 }, 'LogStoreInfoInvalid', 'ttl value is out of range'],
    [{ ttl: 3651 }, 'LogStoreInfoInvalid', 'ttl value is out of range'],
    [{ maxSplitShard: 257 }, 'LogStoreInfoInvalid', 'maxSplitShard must be within range [1, 256]'],
    [{ infrequentAccessTTL: 29 }, 'LogStoreInfoInvalid', 'infrequentAccessTTL must large than 30'],
    [
      { ttl: 80, hot_ttl: 10, infrequentAccessTTL: 30 },
      'LogStoreInfoInvalid',
      'archiveTTL must large than 60',
    ],
    [{ shardCount: 101 }, 'LogStoreInfoInvalid', 'shardCount must be within range [1, 100]'],
    [{ ttl: 'soon' }, 'LogStoreInfoInvalid', 'ttl is invalid'],
  ])('refuse %j', async (body, code, message) => {
    await using sls = await startFrontEnd();
    await sls.catalog.createProject({ projectName: 'shop' });
    const reply = await call(sls, 'POST', '/logstores', { logstoreName: 'orders', ttl: 30, ...body });
    expect(errorOf(reply)).toEqual([400, code, message]);
  });

  it('go from lite to standard but not back', async () => {
    await using sls = await startFrontEnd();
    await sls.catalog.createProject({ projectName: 'shop' });
    await sls.catalog.createLogstore('shop', 'orders', { mode: 'lite' });
    expect((await call(sls, 'PUT', '/logstores/orders', { mode: 'standard' })).status).toBe(200);
    expect(errorOf(await call(sls, 'PUT', '/logstores/orders', { mode: 'lite' }))).toEqual([
      400,
      'NotSupported',
      'The logstore mode or telemetryType is not supported for current metering mode.',
    ]);
  });

  it('have shards that split the MD5 space evenly', async () => {
    await using sls = await startFrontEnd();
    await sls.catalog.createProject({ projectName: 'shop' });
    await sls.catalog.createLogstore('shop', 'orders', { shardCount: 2 });
    expect(JSON.parse((await call(sls, 'GET', '/logstores/orders/shards')).text)).toMatchObject([
      {
        shardID: 0,
        status: 'readwrite',
        inclusiveBeginKey: '0'.repeat(32),
        exclusiveEndKey: `8${'0'.repeat(31)}`,
      },
      {
        shardID: 1,
        status: 'readwrite',
        inclusiveBeginKey: `8${'0'.repeat(31)}`,
        exclusiveEndKey: 'f'.repeat(32),
      },
    ]);
  });

  it('of a project that is gone do not exist, nor does anything below them', async () => {
    await using sls = await startFrontEnd();
    for (const path of ['/logstores', '/logstores/a', '/logstores/a/shards', '/logstores/a/index']) {
      expect(errorOf(await call(sls, 'GET', path))).toEqual([
        404,
        'ProjectNotExist',
        'The Project does not exist: shop',
      ]);
    }
  });
});

describe('an index', () => {
  const index = {
    line: { token: [',', ' ', '"', '"'], caseSensitive: false, chn: true },
    keys: {
      id: { type: 'text', token: [','], caseSensitive: false, chn: true, doc_value: true, alias: '' },
      log_version: { type: 'long', doc_value: true },
      'nested.json': {
        type: 'json',
        token: [],
        json_keys: { 'a.b': { type: 'double', alias: 'ab' } },
        unknown: 1,
      },
    },
    scan_index: true,
    log_reduce: false,
  };

  it('comes back exactly as it was put, with what the service adds', async () => {
    await using sls = await startFrontEnd();
    await sls.catalog.createProject({ projectName: 'shop' });
    await sls.catalog.createLogstore('shop', 'orders', { ttl: 7 });
    expect(errorOf(await call(sls, 'GET', '/logstores/orders/index'))).toEqual([
      404,
      'IndexConfigNotExist',
      "index config doesn't exist",
    ]);
    expect(errorOf(await call(sls, 'PUT', '/logstores/orders/index', index))[1]).toBe('IndexConfigNotExist');
    expect((await call(sls, 'POST', '/logstores/orders/index', index)).status).toBe(200);
    expect(errorOf(await call(sls, 'POST', '/logstores/orders/index', index))[1]).toBe('IndexAlreadyExist');
    const { lastModifyTime, ...rest } = JSON.parse(
      (await call(sls, 'GET', '/logstores/orders/index')).text,
    ) as Record<string, unknown>;
    expect(rest).toEqual({ ...index, ttl: 7, index_mode: 'v2', storage: 'pg' });
    expect(typeof lastModifyTime).toBe('number');
    await call(sls, 'PUT', '/logstores/orders/index', { keys: {}, line: index.line });
    expect(JSON.parse((await call(sls, 'GET', '/logstores/orders/index')).text)).not.toHaveProperty(
      'scan_index',
    );
    expect((await call(sls, 'DELETE', '/logstores/orders/index')).status).toBe(200);
    expect(errorOf(await call(sls, 'DELETE', '/logstores/orders/index'))[1]).toBe('IndexConfigNotExist');
  });

  it('with an unknown type or over 64 KB is refused', async () => {
    await using sls = await startFrontEnd();
    await sls.catalog.createProject({ projectName: 'shop' });
    await sls.catalog.createLogstore('shop', 'orders');
    const wrong = await call(sls, 'POST', '/logstores/orders/index', { keys: { id: { type: 'blob' } } });
    expect(errorOf(wrong).slice(0, 2)).toEqual([400, 'IndexInfoInvalid']);
    const keys = Object.fromEntries(
      Array.from({ length: 3000 }, (_, n) => [`key-number-${n}`, { type: 'text' }]),
    );
    const large = await call(sls, 'POST', '/logstores/orders/index', { keys });
    expect(errorOf(large)).toEqual([400, 'IndexInfoInvalid', 'index config is larger than 65536 bytes']);
  });
});
