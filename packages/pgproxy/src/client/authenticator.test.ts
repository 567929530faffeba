import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { createCertificate } from '@sampan/base';
import { connectTcp } from '@sampan/testkit';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { startPgProxy } from '../index.ts';
import { connected, proxiedSuite } from '../proxied/testing.ts';
import { startRawSession } from '../testing.ts';

const { proxied, withPostgres, options } = proxiedSuite();

describe('SCRAM-SHA-256-PLUS', () => {
  const psql = existsSync('/usr/bin/psql') ? undefined : 'psql is not installed';
  withPostgres('binds a login to its TLS connection', async () => {
    const tls = await createCertificate(['localhost']);
    await using proxy = await startPgProxy(options({ tls }));
    const client = new pg.Client({
      host: '127.0.0.1',
      port: proxy.port,
      user: 'scrammer',
      password: 'pa ss',
      database: 'postgres',
      ssl: { rejectUnauthorized: false },
      enableChannelBinding: true,
    });
    await client.connect();
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await client.end();
  });

  withPostgres('is what psql demands with channel_binding=require', async () => {
    if (psql !== undefined) return;
    const tls = await createCertificate(['localhost']);
    await using proxy = await startPgProxy(options({ tls }));
    const run = promisify(execFile);
    const url = (rest: string): string =>
      `postgresql://scrammer@127.0.0.1:${proxy.port}/postgres?channel_binding=require&${rest}`;
    const env = { ...process.env, PGPASSWORD: 'pa ss' };
    const { stdout } = await run('/usr/bin/psql', [url('sslmode=require'), '-XAtc', 'SELECT 41 + 1'], {
      env,
    });
    expect(stdout.trim()).toBe('42');
    await expect(
      run('/usr/bin/psql', [url('sslmode=disable'), '-XAtc', 'SELECT 1'], { env }),
    ).rejects.toThrow(/channel binding/);
  });
});

describe('rules (hba)', () => {
  proxied(
    'decide who may come from where, and how',
    async (proxy) => {
      await using client = await connected(proxy, { user: 'scrammer' });
      expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
      await expect(connected(proxy)).rejects.toMatchObject({
        code: '28000',
        message: 'a rule (hba) rejects host "127.0.0.1", user "trusty", database "postgres", no encryption',
      });
      await expect(connected(proxy, { user: 'scrammer', database: 'other' })).rejects.toMatchObject({
        code: '28000',
        message: expect.stringContaining('no rule (hba) for host'),
      });
      await expect(connected(proxy, { user: 'nobody', password: 'x' })).rejects.toMatchObject({
        code: '28P01',
      });
    },
    {
      hba: [
        { users: ['trusty'], method: 'reject' },
        { users: ['scrammer'], databases: ['postgres'], address: '127.0.0.0/8', method: 'trust' },
        { users: ['nobody'], method: 'trust' },
      ],
    },
  );
});

describe('authQuery', () => {
  withPostgres('finds the passwords of users that are not listed', async (database) => {
    await using direct = await connected({ port: database.port }, { user: 'postgres' });
    await direct.query(`CREATE ROLE asked LOGIN PASSWORD 'as ked'`);
    await direct.query(`SET password_encryption = 'md5'; CREATE ROLE hashed LOGIN PASSWORD 'ha shed'`);
    await direct.query(`CREATE ROLE grouped NOLOGIN PASSWORD 'x'`);
    const authQuery = { user: 'postgres', password: database.password };
    await using proxy = await startPgProxy(options({ users: [], authQuery }));
    for (const [user, password] of [
      ['asked', 'as ked'],
      ['hashed', 'ha shed'],
      ['asked', 'as ked'],
    ]) {
      await using client = await connected(proxy, { user: user ?? '', password: password ?? '' });
      expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    }
    for (const user of ['asked', 'hashed', 'grouped', 'unheard-of']) {
      await expect(connected(proxy, { user, password: 'wrong' })).rejects.toMatchObject({ code: '28P01' });
    }
    expect(proxy.counts().clients).toBeLessThanOrEqual(1);
  });

  withPostgres('says so when PostgreSQL cannot be asked', async () => {
    const at = options({ users: [], authQuery: { user: 'postgres', query: 'SELECT nonsense FROM $1' } });
    await using proxy = await startPgProxy(at);
    for (let n = 0; n < 2; n++) {
      await expect(connected(proxy, { user: 'u', password: 'x' })).rejects.toMatchObject({
        code: '42601',
        message: expect.stringContaining('authQuery: syntax error'),
      });
    }
  });
});

describe('before login', () => {
  proxied(
    'one address may not take more connections than it is given',
    async (proxy) => {
      await using first = await startRawSession(proxy.port);
      await using silent = await connectTcp(proxy.port);
      await expect(connected(proxy)).rejects.toMatchObject({
        code: '53300',
        message: expect.stringContaining('the limit is 2 (connectionsPerAddressMax)'),
      });
      await silent.closed();
      await using third = await startRawSession(proxy.port);
      expect([first.processId, third.processId]).not.toContain(0);
    },
    { connectionsPerAddressMax: 2, startupTimeoutMs: 300 },
  );

  test('a proxy without users and without authQuery is refused', async () => {
    await expect(
      startPgProxy({
        listen: { host: '127.0.0.1', port: 0 },
        server: { host: '127.0.0.1', port: 1, connections: 1 },
        users: [],
      }),
    ).rejects.toMatchObject({ code: 'PGPROXY_OPTIONS_INVALID' });
  });
});
