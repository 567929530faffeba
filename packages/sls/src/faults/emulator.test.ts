import { createFakeClock } from '@sampan/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { errorOf, send } from '../http/testing.ts';
import type { Sls } from '../sls.ts';
import { startSls } from '../testing.ts';

const clock = createFakeClock();
let sls: Sls;

beforeAll(async () => {
  sls = await startSls({ auth: 'any', clock, pg: false });
  await sls.catalog.ensureProject({ projectName: 'shop' });
  await sls.catalog.ensureLogstore('shop', 'orders');
  await sls.catalog.ensureIndex('shop', 'orders', { line: { token: [' '] }, keys: {} });
}, 30_000);

afterAll(() => sls.stop());

const put = (id: string) =>
  send(sls.httpPort, {
    method: 'POST',
    path: '/logstores/orders/shards/lb',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ __logs__: [{ id }] }),
  });

async function search(): Promise<{ ids: string[]; progress: string | undefined }> {
  const now = Math.floor(clock.nowMs() / 1000);
  const path = `/logstores/orders?type=log&query=*&line=100&from=${now - 100_000}&to=${now + 100_000}`;
  const reply = await send(sls.httpPort, { path });
  const rows = JSON.parse(reply.text) as { id: string }[];
  return { ids: rows.map((row) => row.id).sort(), progress: reply.headers['x-log-progress'] };
}

it('refuses a write with the code of a fault, and nothing is stored', async () => {
  sls.faults.add({
    match: { operation: 'PutLogs' },
    effect: { kind: 'error', code: 'ServerBusy' },
    times: 1,
  });
  expect(errorOf(await put('refused')).slice(0, 2)).toEqual([503, 'ServerBusy']);
  expect((await put('taken')).status).toBe(200);
  expect((await search()).ids).toEqual(['taken']);
});

it('stores a write whose answer is lost', async () => {
  sls.faults.add({ effect: { kind: 'error', code: 'InternalServerError', when: 'after' }, times: 1 });
  expect((await put('twice')).status).toBe(500);
  expect((await put('twice')).status).toBe(200);
  expect((await search()).ids).toEqual(['taken', 'twice', 'twice']);
});

it('closes the connection without an answer', async () => {
  sls.faults.add({ effect: { kind: 'disconnect' }, times: 1 });
  await expect(put('cut off')).rejects.toMatchObject({ code: 'ECONNRESET' });
});

it('says Incomplete so many times', async () => {
  sls.faults.add({ match: { operation: 'GetLogs' }, effect: { kind: 'incomplete' }, times: 1 });
  expect((await search()).progress).toBe('Incomplete');
  expect((await search()).progress).toBe('Complete');
});

it('shows a log only when the delay is over', async () => {
  const { id } = sls.faults.add({
    match: { logstore: 'orders' },
    effect: { kind: 'lateVisibility', ms: 3000 },
  });
  const before = (await search()).ids.length;
  expect((await put('late')).status).toBe(200);
  expect((await search()).ids).toHaveLength(before);
  clock.advance(3000);
  expect((await search()).ids).toContain('late');
  sls.faults.remove(id);
});

it('is wrong about the time by the skew', async () => {
  const { id } = sls.faults.add({ effect: { kind: 'clockSkew', ms: 3_600_000 } });
  await put('from the future');
  sls.faults.remove(id);
  const now = Math.floor(clock.nowMs() / 1000);
  const reply = await send(sls.httpPort, {
    path: `/logstores/orders?type=log&query=*&from=${now + 3500}&to=${now + 3700}`,
  });
  expect(JSON.parse(reply.text)).toMatchObject([{ id: 'from the future' }]);
});

it('takes faults at its own endpoint, lists and removes them', async () => {
  const rule = { match: { project: 'shop' }, effect: { kind: 'error', code: 'WriteQuotaExceed' } };
  const path = '/__sampan__/faults';
  const added = await send(sls.httpPort, { method: 'POST', path, body: JSON.stringify(rule) });
  const { id } = JSON.parse(added.text) as { id: number };
  expect(errorOf(await put('refused'))).toEqual([403, 'WriteQuotaExceed', 'Project write quota exceed: qps']);
  const listed = await send(sls.httpPort, { path });
  expect(JSON.parse(listed.text)).toEqual({ faults: [{ id, rule, met: 1 }] });
  expect((await send(sls.httpPort, { method: 'DELETE', path: `${path}/${id}` })).status).toBe(200);
  expect((await send(sls.httpPort, { method: 'DELETE', path: `${path}/${id}` })).status).toBe(400);
  expect((await put('taken')).status).toBe(200);
  expect((await send(sls.httpPort, { method: 'POST', path, body: '{' })).status).toBe(400);
});

it('takes no fault from a web page', async () => {
  const body = JSON.stringify({ effect: { kind: 'incomplete' } });
  const headers = { origin: 'http://evil.example' };
  const reply = await send(sls.httpPort, { method: 'POST', path: '/__sampan__/faults', body, headers });
  expect(errorOf(reply).slice(0, 2)).toEqual([400, 'NotSupported']);
});

it('tells health, readiness and metrics without a signature', async () => {
  expect((await send(sls.httpPort, { path: '/__sampan__/health' })).text).toBe('{"status":"ok"}');
  expect((await send(sls.httpPort, { path: '/__sampan__/ready' })).text).toBe('{"status":"ready"}');
  const { text, headers } = await send(sls.httpPort, { path: '/__sampan__/metrics' });
  expect(headers['content-type']).toMatch(/^text\/plain/);
  expect(text).toMatch(/^sampan_sls_requests_total\{operation="PutLogs",status="200"\} \d+$/m);
  expect(text).toMatch(/^sampan_sls_request_duration_seconds_bucket\{operation="PutLogs",le="\+Inf"\} \d+$/m);
  expect(text).toMatch(/^sampan_sls_logstores 1$/m);
  // Every sample line is a name, optional labels and a number (Prometheus text format 0.0.4).
  for (const line of text.trim().split('\n')) {
    expect(line).toMatch(/^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{([a-z_]+="[^"]*",?)+\})? [0-9.e+-]+)$/);
  }
});
