import { SampanError } from '@sampan/base';
import { describe, expect, test } from 'vitest';
import { resolveOptions, sharesOf } from './options.ts';

const valid = {
  listen: { host: '127.0.0.1', port: 0 },
  server: { host: '127.0.0.1', port: 5432, connections: 10 },
  users: [{ name: 'u', password: 'p' }],
};

function problemsOf(options: unknown): SampanError {
  try {
    resolveOptions(options);
  } catch (error) {
    if (error instanceof SampanError) return error;
  }
  throw new Error('the options were accepted');
}

describe('options', () => {
  test('need little', () => {
    expect(sharesOf(resolveOptions(valid))).toEqual([
      { name: 'default', guaranteed: 0, max: 10, weight: 1, queueMax: 1000, queueTimeoutMs: 30_000 },
    ]);
  });

  test('survive JSON', () => {
    const resolved = resolveOptions(valid);
    expect(resolveOptions(JSON.parse(JSON.stringify(resolved)))).toEqual(resolved);
  });

  test('with several mistakes name each of them', () => {
    const { code, message } = problemsOf({
      ...valid,
      server: { host: '', port: 70_000, connections: 0 },
      users: [{ name: 'open' }],
      conections: 3,
    });
    expect(code).toBe('PGPROXY_OPTIONS_INVALID');
    for (const place of ['server.host', 'server.port', 'server.connections', 'users.0', 'conections']) {
      expect(message).toContain(place);
    }
    expect(message).toContain('server.port 70000: ');
  });

  test('are quoted where they are wrong, unless they are secret', () => {
    const { message } = problemsOf({
      ...valid,
      users: [{ name: 'u', auth: 'kerberos', password: 'x'.repeat(2000) }],
      tls: { cert: 5, key: 7 },
    });
    expect(message).toContain('users.0.auth "kerberos": ');
    expect(message).toContain('users.0.password: ');
    expect(message).toContain('tls.key: ');
  });

  test('cannot guarantee more than there is', () => {
    const components = [
      { name: 'a', guaranteed: 6 },
      { name: 'b', guaranteed: 5 },
    ];
    const error = problemsOf({ ...valid, components });
    expect(error.code).toBe('PGPROXY_SHARES_EXCEED_POOL');
    expect(error.message).toMatch(/11.*server\.connections is 10/);
  });

  test.each([
    [{ components: [{ name: 'a' }, { name: 'a' }] }, /"a" is taken/],
    [{ components: [{ name: 'a', guaranteed: 3, max: 2 }] }, /guaranteed 3.*limited to 2/],
    [{ users: [valid.users[0], valid.users[0]] }, /"u" is listed twice/],
  ])('that contradict themselves are refused: %j', (rest, message) => {
    expect(problemsOf({ ...valid, ...rest }).message).toMatch(message);
  });
});
