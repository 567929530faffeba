import { defaultConfig, planOf } from '@sampan/config';
import { expect, test } from 'vitest';
import { wantedPorts, withFreePorts } from './stack-ports.ts';

test('names every port with the option that moves it', () => {
  const config = defaultConfig();
  const wanted = wantedPorts({ config, plan: planOf(config) });
  expect(Object.fromEntries(wanted.map(({ option, port }) => [option, port]))).toEqual({
    'postgres.port': 15432,
    'sls.httpPort': 15080,
    'sls.pgPort': 15433,
    'pgproxy.port': 16432,
    'pgproxy.components.api.port': 16433,
    'pgproxy.components.worker.port': 16434,
    'pgproxy.components.pluginDaemon.port': 16435,
    'pgproxy.components.workerBeat.port': 16436,
  });
});

test('wants no port of what is switched off', () => {
  const config = defaultConfig({ sls: { enabled: false }, pgproxy: { enabled: false } });
  expect(wantedPorts({ config, plan: planOf(config) }).map(({ option }) => option)).toEqual([
    'postgres.port',
  ]);
});

test('replaces every port 0 by a free one, different from the others, and leaves the rest', async () => {
  const port = 0;
  const components = { api: { port }, worker: { port }, workerBeat: { port }, pluginDaemon: { port } };
  const config = defaultConfig({
    postgres: { port },
    sls: { httpPort: port, pgPort: 15_999 },
    pgproxy: { port, components },
  });
  const made = await withFreePorts({ config, plan: planOf(config) });
  const ports = wantedPorts(made).map((wanted) => wanted.port);
  expect(new Set(ports).size).toBe(8);
  expect(ports).not.toContain(0);
  expect(made.config.sls.pgPort).toBe(15_999);
  expect(made.plan.proxy?.shares.find(({ component }) => component === 'other')?.listenPort).toBe(
    made.config.pgproxy.port,
  );
});
