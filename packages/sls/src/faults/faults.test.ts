import { isSlsError } from '@sampan/sls-wire';
import { createFakeClock } from '@sampan/testkit';
import { expect, it } from 'vitest';
import { createFaults, type FaultRule, type Faults } from './faults.ts';

const target = { operation: 'PutLogs', project: 'shop', logstore: 'orders' };
const write = { project: 'shop', logstore: 'orders', uid: 'a', shard: 0, bytes: 1000 };

async function outcome(faults: Faults, at = target): Promise<string> {
  try {
    await faults.before(at);
    return 'ok';
  } catch (error) {
    return isSlsError(error) ? `${error.status} ${error.errorCode}` : String(error);
  }
}

function errorRule(code: string, rest: Partial<FaultRule> = {}): FaultRule {
  return { effect: { kind: 'error', code }, ...rest };
}

it('does nothing until a fault is added', async () => {
  const faults = createFaults(createFakeClock());
  expect(faults.isActive).toBe(false);
  expect(await outcome(faults)).toBe('ok');
  expect([faults.skewMs(), faults.visibilityDelayMs(target), faults.isIncomplete(target)]).toEqual([
    0,
    0,
    false,
  ]);
});

/** Status codes of the vendor's table of common error codes. */
it.each([
  ['WriteQuotaExceed', '403 WriteQuotaExceed'],
  ['ShardWriteQuotaExceed', '403 ShardWriteQuotaExceed'],
  ['InternalServerError', '500 InternalServerError'],
  ['ServerBusy', '503 ServerBusy'],
])('answers %s with the status of the service', async (code, expected) => {
  const faults = createFaults(createFakeClock());
  faults.add(errorRule(code));
  expect(await outcome(faults)).toBe(expected);
});

it('meets only what matches, by project, logstore and operation', async () => {
  const faults = createFaults(createFakeClock());
  faults.add(errorRule('ServerBusy', { match: { project: 'shop', operation: ['GetLogs', 'PullLogs'] } }));
  expect(await outcome(faults)).toBe('ok');
  expect(await outcome(faults, { ...target, operation: 'PullLogs' })).toBe('503 ServerBusy');
  expect(await outcome(faults, { ...target, operation: 'GetLogsV2' })).toBe('503 ServerBusy');
  expect(await outcome(faults, { ...target, project: 'other', operation: 'GetLogs' })).toBe('ok');
});

it('lets the first ones pass, strikes so many times and is gone', async () => {
  const faults = createFaults(createFakeClock());
  faults.add(errorRule('ServerBusy', { skip: 1, times: 2 }));
  const seen = [];
  for (let n = 0; n < 5; n++) seen.push(await outcome(faults));
  expect(seen).toEqual(['ok', '503 ServerBusy', '503 ServerBusy', 'ok', 'ok']);
  expect(faults.list()).toEqual([]);
});

it('draws the same chances for the same seed', async () => {
  const draw = async (seed: number): Promise<string> => {
    const faults = createFaults(createFakeClock());
    faults.add(errorRule('ServerBusy', { probability: 0.3, seed }));
    let text = '';
    for (let n = 0; n < 200; n++) text += (await outcome(faults)) === 'ok' ? '.' : 'x';
    return text;
  };
  const first = await draw(7);
  expect(await draw(7)).toBe(first);
  expect(await draw(8)).not.toBe(first);
  const hits = first.replaceAll('.', '').length;
  expect(hits).toBeGreaterThan(40);
  expect(hits).toBeLessThan(80);
});

it('refuses the 501st write of a second to a shard, and takes it a second later', () => {
  const clock = createFakeClock();
  const faults = createFaults(clock);
  faults.add({ effect: { kind: 'quota' } });
  for (let n = 0; n < 500; n++) faults.admitWrite(write);
  expect(() => faults.admitWrite(write)).toThrow(
    expect.objectContaining({ errorCode: 'ShardWriteQuotaExceed' }),
  );
  expect(() => faults.admitWrite({ ...write, shard: 1 })).not.toThrow();
  clock.advance(1000);
  expect(() => faults.admitWrite(write)).not.toThrow();
});

it('refuses more than 5 MB in a second to a shard', () => {
  const clock = createFakeClock();
  const faults = createFaults(clock);
  faults.add({ effect: { kind: 'quota' } });
  const megabyte = { ...write, bytes: 1024 * 1024 };
  for (let n = 0; n < 5; n++) faults.admitWrite(megabyte);
  expect(() => faults.admitWrite(megabyte)).toThrow(expect.objectContaining({ status: 403 }));
  clock.advance(200);
  expect(() => faults.admitWrite(megabyte)).not.toThrow();
});

it('delays an answer by the time given', async () => {
  const clock = createFakeClock();
  const faults = createFaults(clock);
  faults.add({ effect: { kind: 'latency', ms: 300 } });
  let isThrough = false;
  const waiting = faults.before(target).then(() => {
    isThrough = true;
  });
  clock.advance(299);
  await Promise.resolve();
  expect(isThrough).toBe(false);
  clock.advance(1);
  await waiting;
});

it('refuses a rule that it does not know', () => {
  const faults = createFaults(createFakeClock());
  const rule = { effect: { kind: 'flood' } } as unknown as FaultRule;
  expect(() => faults.add(rule)).toThrow(expect.objectContaining({ errorCode: 'ParameterInvalid' }));
  expect(() => faults.add(errorRule('x', { probability: 2 }))).toThrow(/probability/);
});
