import { describe, expect, it } from 'vitest';
import { errorOf, type ReceivedReply, send, startFrontEnd } from './testing.ts';

type FrontEnd = Awaited<ReturnType<typeof startFrontEnd>>;

async function startShop(): Promise<FrontEnd> {
  const sls = await startFrontEnd();
  await sls.catalog.createProject({ projectName: 'shop' });
  return sls;
}

function call(sls: FrontEnd, method: string, path: string, body?: unknown): Promise<ReceivedReply> {
  return send(sls.port, { method, path, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
}

async function get(sls: FrontEnd, path: string): Promise<Record<string, unknown>> {
  return JSON.parse((await call(sls, 'GET', path)).text) as Record<string, unknown>;
}

async function status(sls: FrontEnd, path: string): Promise<unknown> {
  return (await get(sls, path))['status'];
}

describe('jobs', () => {
  it('are enabled, disabled, started and stopped, and only say so', async () => {
    await using sls = await startShop();
    await call(sls, 'POST', '/jobs', { name: 'alert', type: 'Alert', configuration: {} });
    await call(sls, 'POST', '/jobs', { name: 'etl', type: 'ETL', configuration: { logstore: 'a' } });
    expect([await status(sls, '/jobs/alert'), await status(sls, '/jobs/etl')]).toEqual([
      'ENABLED',
      'RUNNING',
    ]);
    for (const [path, action, expected] of [
      ['/jobs/alert', 'disable', 'DISABLED'],
      ['/alerts/alert', 'enable', 'ENABLED'],
      ['/jobs/etl', 'STOP', 'STOPPED'],
      ['/etls/etl', 'START', 'RUNNING'],
    ]) {
      expect((await call(sls, 'PUT', `${path}?action=${action}`)).status).toBe(200);
      expect(await status(sls, path ?? '')).toBe(expected);
    }
    await call(sls, 'PUT', '/jobs/etl?action=STOP');
    // RESTART brings a new configuration along.
    await call(sls, 'PUT', '/jobs/etl?action=RESTART', { name: 'etl', configuration: { logstore: 'b' } });
    expect(await get(sls, '/jobs/etl')).toMatchObject({
      status: 'RUNNING',
      configuration: { logstore: 'b' },
    });
    expect(errorOf(await call(sls, 'PUT', '/jobs/gone?action=enable'))).toEqual([
      404,
      'JobNotExist',
      'Job gone does not exist',
    ]);
    expect(errorOf(await call(sls, 'PUT', '/jobs/etl?action=dance'))[1]).toBe('NotEmulated');
  });

  it('keep status and type on an update that leaves them out', async () => {
    await using sls = await startShop();
    await call(sls, 'POST', '/jobs', { name: 'alert', type: 'Alert', configuration: {} });
    await call(sls, 'PUT', '/jobs/alert?action=disable');
    await call(sls, 'PUT', '/alerts/alert', { displayName: 'changed', configuration: { n: 1 } });
    expect(await get(sls, '/jobs/alert')).toMatchObject({
      displayName: 'changed',
      type: 'Alert',
      status: 'DISABLED',
      createTime: expect.any(Number) as number,
      lastModifiedTime: expect.any(Number) as number,
    });
  });

  it('are the same through the door of their type, and absent from the others', async () => {
    await using sls = await startShop();
    const doors = [
      ['/alerts', { configuration: {} }, { type: 'Alert' }],
      ['/etls', { configuration: {} }, { type: 'ETL' }],
      ['/scheduledsqls', { configuration: {} }, { type: 'ScheduledSQL' }],
      ['/ossexports', { configuration: { sink: { bucket: 'b' } } }, { type: 'Export' }],
      ['/maxcomputeexports', { configuration: { sink: {} } }, { type: 'Export' }],
      ['/osshdfsexports', { configuration: { sink: {} } }, { type: 'Export' }],
      ['/ossingestions', { configuration: { source: {} } }, { type: 'Ingestion' }],
      ['/s3ingestions', { configuration: { source: {} } }, { type: 'Ingestion' }],
      ['/downloadjobs', { configuration: {} }, {}],
    ] as const;
    for (const [path, body] of doors) {
      expect((await call(sls, 'POST', path, { ...body, name: path.slice(1) })).status).toBe(200);
    }
    for (const [path, , shown] of doors) {
      const list = await get(sls, path);
      expect(list).toMatchObject({ total: 1, count: 1, results: [{ name: path.slice(1), ...shown }] });
      expect((await call(sls, 'GET', `${path}/${path.slice(1)}`)).status).toBe(200);
      if (path !== '/alerts')
        expect(errorOf(await call(sls, 'GET', `${path}/alerts`))[1]).toBe('JobNotExist');
    }
    expect(await get(sls, '/jobs')).toMatchObject({ total: doors.length });
    expect(await get(sls, '/jobs?jobType=Export&size=2')).toMatchObject({ total: 3, count: 2 });
    // One namespace: a name that another type has is taken.
    expect(errorOf(await call(sls, 'POST', '/etls', { name: 'alerts' }))).toEqual([
      400,
      'JobAlreadyExist',
      'Job alerts already exists',
    ]);
  });

  it('have no instances', async () => {
    await using sls = await startShop();
    await call(sls, 'POST', '/jobs', { name: 'sql', type: 'ScheduledSQL', configuration: {} });
    const path = '/jobs/sql/jobinstances';
    expect(await get(sls, `${path}?jobType=ScheduledSQL&start=1&end=2&offset=0&size=10`)).toEqual({
      total: 0,
      count: 0,
      results: [],
    });
    expect(errorOf(await call(sls, 'GET', `${path}/1?result=true`)).slice(0, 2)).toEqual([
      404,
      'JobInstanceNotExist',
    ]);
    expect(errorOf(await call(sls, 'GET', '/jobs/gone/jobinstances'))[1]).toBe('JobNotExist');
  });

  it('of a type are bounded as in the service', async () => {
    await using sls = await startShop();
    for (let number = 0; number < 100; number++) {
      await call(sls, 'POST', '/jobs', { name: `alert-${number}`, type: 'Alert', configuration: {} });
    }
    for (const [path, body] of [
      ['/jobs', { name: 'more', type: 'Alert' }],
      ['/alerts', { name: 'more' }],
    ] as const) {
      expect(errorOf(await call(sls, 'POST', path, body)).slice(0, 2)).toEqual([403, 'ExceedQuota']);
    }
    expect((await call(sls, 'POST', '/etls', { name: 'more' })).status).toBe(200);
  });
});
