import { expect, test } from 'vitest';
import { sessionEffectOf } from './session-state.ts';

const effect = (sql: string) => {
  const bytes = Buffer.from(`..${sql}\0..`);
  return sessionEffectOf(bytes, 2, bytes.length - 3);
};

test.each([
  ['LISTEN jobs', 'listen'],
  ['begin; listen jobs; commit', 'listen'],
  ['/* x */ -- y\n  Listen jobs', 'listen'],
  ['PREPARE one AS SELECT 1', 'prepare'],
  ['DECLARE c CURSOR WITH HOLD FOR SELECT 1', 'hold cursor'],
  ['CREATE TEMP TABLE t (n int)', 'temporary table'],
  ['create local temporary view v as select 1', 'temporary table'],
  ['SELECT pg_advisory_lock(1)', 'advisory lock'],
  ['select pg_try_advisory_lock_shared(1)', 'advisory lock'],
  ['SELECT PG_ADVISORY_LOCK(1)', 'advisory lock'],
  ['SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY', 'set'],
])('sees that %j leaves something in its session', (sql, reason) => {
  expect(effect(sql)?.reason).toBe(reason);
});

test.each([
  'SELECT 1',
  'SELECT 1;',
  "SELECT 'set'; SELECT 2",
  'DELETE FROM listen',
  'PREPARE TRANSACTION $$x$$',
  'DECLARE c CURSOR FOR SELECT 1',
  'CREATE TABLE temp (n int)',
  'CREATE TEMP TABLE t (n int) ON COMMIT DROP',
  'SELECT pg_advisory_xact_lock(1)',
  'SELECT pg_advisory_unlock(1)',
  'SET LOCAL work_mem = 64',
  'SET TRANSACTION READ ONLY',
  'SET CONSTRAINTS ALL DEFERRED',
  'UPDATE t SET a = 1',
  'ROLLBACK',
  '',
])('sees that %j leaves nothing', (sql) => {
  expect(effect(sql)).toBeUndefined();
});

test.each([
  ["SET statement_timeout = '5s'", { name: 'statement_timeout', value: '5s' }],
  ['set session Statement_Timeout TO 100;', { name: 'statement_timeout', value: '100' }],
  ["SET a.b = 'it''s'", { name: 'a.b', value: "it's" }],
  ['SET jit = off', { name: 'jit', value: 'off' }],
  ["SET TIME ZONE 'UTC'", { name: 'timezone', value: 'UTC' }],
  ['SET ROLE reader', { name: 'role', value: 'reader' }],
  ['SET jit TO DEFAULT', { name: 'jit', value: undefined }],
  ['RESET jit', { name: 'jit', value: undefined }],
  ['RESET ALL', { name: undefined, value: undefined }],
])('reads the setting that %j changes', (sql, change) => {
  expect(effect(sql)?.change).toEqual(change);
});

test.each(['SET search_path = a, b', 'BEGIN; SET jit = off', "SET x = E'\\n'"])(
  'reads no value that %j does not state plainly',
  (sql) => {
    expect(effect(sql)).toMatchObject({ reason: 'set' });
    expect(effect(sql)?.change).toBeUndefined();
  },
);
