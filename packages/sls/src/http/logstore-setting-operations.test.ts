import { describe, expect, it } from 'vitest';
import { errorOf, type ReceivedReply, send, startFrontEnd } from './testing.ts';

type FrontEnd = Awaited<ReturnType<typeof startFrontEnd>>;

async function startShop(logstore = {}): Promise<FrontEnd> {
  const sls = await startFrontEnd();
  await sls.catalog.createProject({ projectName: 'shop' });
  await sls.catalog.createLogstore('shop', 'orders', logstore);
  return sls;
}

function call(sls: FrontEnd, method: string, path: string, body?: unknown): Promise<ReceivedReply> {
  return send(sls.port, { method, path, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
}

async function get(sls: FrontEnd, path: string): Promise<Record<string, unknown>> {
  return JSON.parse((await call(sls, 'GET', path)).text) as Record<string, unknown>;
}

describe('a logstore', () => {
  it('is charged by function until told otherwise', async () => {
    await using sls = await startShop();
    const path = '/logstores/orders/meteringmode';
    expect(await get(sls, path)).toEqual({ meteringMode: 'ChargeByFunction' });
    expect((await call(sls, 'PUT', path, { meteringMode: 'ChargeByDataIngest' })).status).toBe(200);
    expect(await get(sls, path)).toEqual({ meteringMode: 'ChargeByDataIngest' });
    expect(errorOf(await call(sls, 'PUT', path, { meteringMode: 'Free' })).slice(0, 2)).toEqual([
      400,
      'ParameterInvalid',
    ]);
    expect(errorOf(await call(sls, 'GET', '/logstores/gone/meteringmode'))[1]).toBe('LogStoreNotExist');
  });

  it('made anew under an old name has no settings of its namesake', async () => {
    await using sls = await startShop();
    const path = '/logstores/orders/meteringmode';
    await call(sls, 'PUT', path, { meteringMode: 'ChargeByDataIngest' });
    await sls.catalog.deleteLogstore('shop', 'orders');
    await sls.catalog.createLogstore('shop', 'orders');
    expect(await get(sls, path)).toEqual({ meteringMode: 'ChargeByFunction' });
  });

  it('loses its logs when cleared, and keeps settings, shards and index', async () => {
    await using sls = await startShop({ ttl: 9, shardCount: 3 });
    await sls.catalog.createIndex('shop', 'orders', { line: { token: [' '] }, keys: {} });
    await call(sls, 'PUT', '/logstores/orders/meteringmode', { meteringMode: 'ChargeByDataIngest' });
    const body = JSON.stringify({ __logs__: [{ a: '1' }] });
    expect((await send(sls.port, { method: 'POST', path: '/logstores/orders', body })).status).toBe(200);
    const before = sls.catalog.requireLogstore('shop', 'orders');
    expect(sls.records('shop', 'orders').flat()).toHaveLength(1);
    expect((await call(sls, 'DELETE', '/logstores/orders/storage')).status).toBe(200);
    const after = sls.catalog.requireLogstore('shop', 'orders');
    expect(after.uid).not.toBe(before.uid);
    expect(after).toEqual({ ...before, uid: after.uid });
    expect(sls.records('shop', 'orders').flat()).toEqual([]);
    expect(sls.catalog.index('shop', 'orders')).toMatchObject({ line: { token: [' '] } });
    expect(await get(sls, '/logstores/orders/meteringmode')).toEqual({ meteringMode: 'ChargeByDataIngest' });
    expect((await send(sls.port, { method: 'POST', path: '/logstores/orders', body })).status).toBe(200);
  });

  it('notes how it would be encrypted, by either door', async () => {
    await using sls = await startShop();
    const own = { cmk_key_id: 'k', arn: 'acs:ram::1:role/r', region_id: 'cn-hangzhou' };
    const conf = { enable: true, encrypt_type: 'm4', user_cmk_info: own };
    expect((await call(sls, 'PUT', '/logstores/orders', { encrypt_conf: conf })).status).toBe(200);
    expect(await get(sls, '/logstores/orders')).toMatchObject({ encrypt_conf: conf });
    expect((await call(sls, 'PUT', '/logstores/orders/encryption', { enable: false })).status).toBe(200);
    expect(await get(sls, '/logstores/orders')).toMatchObject({ encrypt_conf: { enable: false } });
    for (const encrypt_conf of [
      { encrypt_type: 'rot13' },
      { enable: 'yes' },
      { user_cmk_info: { arn: 1 } },
      7,
    ]) {
      expect(errorOf(await call(sls, 'PUT', '/logstores/orders', { encrypt_conf })).slice(0, 2)).toEqual([
        400,
        'LogStoreInfoInvalid',
      ]);
    }
  });

  it('names only a processor that is there', async () => {
    await using sls = await startShop();
    const path = '/logstores/orders/processor';
    expect(errorOf(await call(sls, 'POST', path, { processorName: 'p' }))[1]).toBe('ProcessorNotExist');
    await call(sls, 'PUT', '/ingestprocessors/p', { displayName: 'd', configuration: { spl: '*' } });
    expect((await call(sls, 'POST', path, { processorName: 'p' })).status).toBe(200);
    expect(await get(sls, '/logstores/orders')).toMatchObject({ processorId: 'p' });
  });

  it('keeps the tiers in order when updated, in the words of the service', async () => {
    await using sls = await startShop({ ttl: 100, hot_ttl: 10, infrequentAccessTTL: 30 });
    expect(errorOf(await call(sls, 'PUT', '/logstores/orders', { ttl: 80 }))).toEqual([
      400,
      'ParameterInvalid',
      'archiveTtl must larger than 60',
    ]);
    expect((await call(sls, 'PUT', '/logstores/orders', { ttl: 80, hot_ttl: -1 })).status).toBe(200);
    for (const hot_ttl of [6, 81, -2]) {
      expect(errorOf(await call(sls, 'PUT', '/logstores/orders', { hot_ttl }))[1]).toBe(
        'LogStoreInfoInvalid',
      );
    }
  });

  it('for metrics is not emulated, by any door', async () => {
    await using sls = await startShop();
    const body = { logstoreName: 'metrics', ttl: 7, shardCount: 1, telemetryType: 'Metrics' };
    for (const [path, sent] of [
      ['/logstores', body],
      ['/metricstores', { name: 'metrics', ttl: 7, shardCount: 1 }],
      ['/logstores/orders/substores', { name: 'prom' }],
    ] as const) {
      expect(errorOf(await call(sls, 'POST', path, sent)).slice(0, 2)).toEqual([400, 'NotEmulated']);
    }
    expect(await get(sls, '/metricstores')).toEqual({ total: 0, count: 0, metricstores: [] });
  });
});

describe('the account', () => {
  it('holds 150 projects, a project 400 writable shards', async () => {
    await using sls = await startShop();
    for (let number = 1; number < 150; number++) {
      await sls.catalog.createProject({ projectName: `shop-${number}` });
    }
    const refused = await call(sls, 'POST', '/', { projectName: 'one-more' });
    expect(errorOf(refused).slice(0, 2)).toEqual([403, 'ProjectQuotaExceed']);
    for (const name of ['aaa', 'bbb', 'ccc']) {
      await sls.catalog.createLogstore('shop', name, { shardCount: 100 });
    }
    const body = { logstoreName: 'ddd', ttl: 1, shardCount: 99 };
    expect(errorOf(await call(sls, 'POST', '/logstores', body)).slice(0, 2)).toEqual([403, 'ExceedQuota']);
    expect((await call(sls, 'POST', '/logstores', { ...body, shardCount: 98 })).status).toBe(200);
  });
});

describe('a logstore that is no metric store', () => {
  it('has no substores', async () => {
    await using sls = await startShop();
    expect(await get(sls, '/logstores/orders/substores')).toEqual({ substores: [] });
    expect(errorOf(await call(sls, 'GET', '/logstores/gone/substores'))[1]).toBe('LogStoreNotExist');
  });
});

describe('the line of an index', () => {
  it('comes back complete, because clients read its fields unasked', async () => {
    await using sls = await startShop();
    await call(sls, 'POST', '/logstores/orders/index', { line: { token: [','] }, keys: {} });
    expect(await get(sls, '/logstores/orders/index')).toMatchObject({
      line: { token: [','], caseSensitive: false, chn: false },
    });
  });
});
