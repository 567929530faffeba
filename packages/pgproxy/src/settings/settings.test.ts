import { describe, expect, test } from 'vitest';
import { ProfileTable, settingsSql } from './profile.ts';
import { cleanApplicationName, parseStartupSettings } from './startup-settings.ts';

const parse = (parameters: Record<string, string>): Record<string, string> =>
  Object.fromEntries(parseStartupSettings(new Map(Object.entries(parameters))));

describe('start-up settings', () => {
  test.each([
    ['-c timezone=UTC', { timezone: 'UTC' }],
    ['-ctimezone=UTC  -c  geqo=off', { timezone: 'UTC', geqo: 'off' }],
    ['--statement-timeout=5s', { statement_timeout: '5s' }],
    ['-c search_path=a\\ b,c', { search_path: 'a b,c' }],
    ['-c a.b=c=d', { 'a.b': 'c=d' }],
    ['', {}],
  ])('are read from options %j', (options, want) => {
    expect(parse({ user: 'u', options })).toEqual(want);
  });

  test('of the packet itself win over options, and its identity is none', () => {
    const seen = parse({
      user: 'u',
      database: 'd',
      TimeZone: 'x',
      options: '-c TimeZone=y',
      replication: 'off',
    });
    expect(seen).toEqual({ TimeZone: 'x' });
  });

  test.each(['-d 5', '-c', '-c timezone', 'timezone=UTC', "-c a';DROP=1"])('refuse options %j', (options) => {
    expect(() => parse({ options })).toThrow(/options|unrecognized/);
  });

  test('keep application_name as PostgreSQL does', () => {
    // SET application_name = 'é' shows \xc3\xa9 in PostgreSQL 16 and later.
    expect(cleanApplicationName('é')).toBe('\\xc3\\xa9');
    expect(cleanApplicationName('x'.repeat(100))).toHaveLength(63);
  });
});

describe('profiles', () => {
  const table = new ProfileTable();
  const profile = (reported: Record<string, string>, extras: Record<string, string> = {}) =>
    table.intern(new Map(Object.entries(reported)), new Map(Object.entries(extras)));

  test('with equal settings are the same object', () => {
    expect(profile({ TimeZone: 'UTC', DateStyle: 'ISO' })).toBe(
      profile({ DateStyle: 'ISO', TimeZone: 'UTC' }),
    );
    expect(table.with(profile({ TimeZone: 'UTC' }), 'TimeZone', 'Asia/Tokyo')).toBe(
      profile({ TimeZone: 'Asia/Tokyo' }),
    );
  });

  test('differ by the SQL that leads from one to the other', () => {
    const have = profile({ TimeZone: 'UTC', search_path: 'a' }, { geqo: 'on', jit: 'off' });
    const want = profile({ TimeZone: 'UTC', search_path: '"$user", b' }, { jit: 'on' });
    expect(settingsSql(have, have)).toBe('');
    expect(settingsSql(have, want)).toBe(
      `RESET "geqo"; SELECT pg_catalog.set_config('jit', 'on', false), pg_catalog.set_config('search_path', '"$user", b', false)`,
    );
  });

  test('are quoted so that no client_encoding can read them differently', () => {
    const sql = settingsSql(profile({ application_name: '' }), profile({ application_name: `o'\\é縗𝄞` }));
    expect(sql).toBe(
      `SELECT pg_catalog.set_config('application_name', E'o''\\\\\\u00e9\\u7e17\\U0001d11e', false)`,
    );
  });
});
