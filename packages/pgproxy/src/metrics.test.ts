import { expect, test } from 'vitest';
import { startPgProxy } from './index.ts';
import { connected, proxiedSuite } from './proxied/testing.ts';

const { withPostgres, options } = proxiedSuite();

withPostgres('metrics say what the console says, in the format of Prometheus', async () => {
  const metrics = { host: '127.0.0.1', port: 0 };
  await using proxy = await startPgProxy(
    options({ metrics, components: [{ name: 'a "b', match: { user: 'trusty' } }] }),
  );
  await using client = await connected(proxy);
  await client.query('SELECT 1');
  await client.query('LISTEN jobs');
  const response = await fetch(`http://127.0.0.1:${proxy.metricsPort}/metrics`);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const text = await response.text();
  for (const line of [
    'pgproxy_component_in_use{component="a \\"b"} 1',
    'pgproxy_clients_pinned{component="a \\"b"} 1',
    'pgproxy_transactions_total{database="postgres",user="postgres"} 2',
    'pgproxy_pins_total 1',
    '# TYPE pgproxy_pins_total counter',
  ]) {
    expect(text.split('\n')).toContain(line);
  }
  // Every line is a comment or a sample (Prometheus, "Exposition formats").
  for (const line of text.trimEnd().split('\n')) {
    expect(line).toMatch(/^(?:# (?:HELP|TYPE) pgproxy_\w+ .+|pgproxy_\w+(?:\{.*\})? [\d.e+-]+)$/);
  }
  expect((await fetch(`http://127.0.0.1:${proxy.metricsPort}/`)).status).toBe(404);
});

test('a busy port of the metrics is reported as such', async () => {
  const { createServer } = await import('node:net');
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const address = other.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const starting = startPgProxy({
    listen: { host: '127.0.0.1', port: 0 },
    server: { host: '127.0.0.1', port: 1, connections: 1 },
    users: [{ name: 'u', auth: 'trust' }],
    metrics: { host: '127.0.0.1', port },
  });
  await expect(starting).rejects.toMatchObject({
    code: 'PGPROXY_PORT_BUSY',
    message: expect.stringContaining('metrics.port'),
  });
  other.close();
});
