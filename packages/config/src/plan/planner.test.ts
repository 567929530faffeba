import { createRandom } from '@sampan/testkit';
import { expect, test } from 'vitest';
import { type Config, type ConfigInput, defaultConfig } from '../schema/schema.ts';
import { type Plan, planValue } from './plan.ts';
import { planFor, planOf } from './planner.ts';
import { explain } from './render.ts';

/** The plan of a target `prod`. */
function promote(prod: NonNullable<ConfigInput['targets']>[string], rest: ConfigInput = {}): Plan {
  return planFor({ config: defaultConfig({ ...rest, targets: { prod } }), target: 'prod' });
}

const invariant = (plan: Plan, key: string) => plan.invariants.find((candidate) => candidate.key === key);

/** Dify's own defaults, written out, without a proxy. */
const difyDefaults: ConfigInput = {
  pgproxy: { enabled: false },
  components: {
    api: { replicas: 1, processes: 1, workerConnections: 10, poolSize: 30, maxOverflow: 10 },
    worker: { concurrency: 4, poolSize: 30, maxOverflow: 10 },
    workerBeat: { poolSize: 30, maxOverflow: 10 },
    pluginDaemon: { maxOpenConnections: 30, maxIdleConnections: 10 },
  },
  load: { targetQps: 1 },
};

test("Dify's defaults may open 150 connections against 100: broken, with the smallest change", () => {
  const plan = planOf(defaultConfig(difyDefaults));
  expect(planValue(plan, 'clients.connections')).toBe(150);
  expect(invariant(plan, 'connections.direct')).toMatchObject({
    actual: 150,
    limit: 90,
    slack: -60,
    status: 'broken',
  });
  expect(plan.problems).toEqual([
    {
      code: 'CONFIG_PLAN_CONNECTIONS',
      severity: 'error',
      path: ['postgres', 'maxConnections'],
      message:
        'the components may open 150 connections (api 1 × 1 × 40 = 40, worker 1 × 1 × 40 = 40, workerBeat 1 × 1 × 40 = 40, pluginDaemon 1 × 30 = 30); PostgreSQL takes 100, of which 90 % = 90 may be planned',
      hint: 'Smallest change, any one of: postgres.maxConnections: 167; poolSize + maxOverflow of 20 in every process; put the pool proxy in between.',
    },
  ]);
});

test('each change that is proposed mends the plan, and one less does not', () => {
  const withChange = (change: ConfigInput) => planOf(defaultConfig({ ...difyDefaults, ...change })).problems;
  const pools = (poolSize: number) => ({
    components: {
      api: { ...difyDefaults.components?.api, poolSize },
      worker: { poolSize },
      workerBeat: { poolSize },
    },
  });
  expect(withChange({ postgres: { maxConnections: 167 } })).toEqual([]);
  expect(withChange({ postgres: { maxConnections: 166 } })).toHaveLength(1);
  expect(withChange(pools(10))).toEqual([]);
  expect(withChange(pools(11))).toHaveLength(1);
  expect(withChange({ pgproxy: { enabled: true } })).toEqual([]);
});

test('with api_websocket the defaults may open 190', () => {
  const components = { ...difyDefaults.components, apiWebsocket: { enabled: true } };
  expect(planValue(planOf(defaultConfig({ ...difyDefaults, components })), 'clients.connections')).toBe(190);
});

test('the 500 class opens 2,560 + 480 + 80 = 3,120 of 12,800', () => {
  const plan = promote({ class: 500, edition: 'high-performance' });
  expect(planValue(plan, 'api.connections')).toBe(2_560);
  expect(planValue(plan, 'pluginDaemon.connections')).toBe(480);
  expect(planValue(plan, 'worker.connections')).toBe(40);
  expect(planValue(plan, 'workerBeat.connections')).toBe(40);
  expect(planValue(plan, 'clients.connections')).toBe(3_120);
  expect(plan.postgresMaxConnections).toBe(12_800);
  expect(plan.problems).toEqual([]);
});

test('24 processes and pools of 60 are over the 90 % line but under the ceiling: a warning', () => {
  const plan = promote(
    {
      class: 500,
      edition: 'high-performance',
      components: { api: { processes: 24, poolSize: 50, maxOverflow: 10 } },
    },
    { components: { workerBeat: { enabled: false }, worker: { poolSize: 1, maxOverflow: 0 } } },
  );
  expect(planValue(plan, 'api.connections')).toBe(11_520);
  expect(planValue(plan, 'pluginDaemon.connections')).toBe(480);
  expect(invariant(plan, 'connections.direct')).toMatchObject({
    actual: 12_001,
    limit: 11_520,
    status: 'tight',
  });
  expect(plan.problems.map(({ code, severity }) => [code, severity])).toEqual([
    ['CONFIG_PLAN_CONNECTIONS', 'warning'],
  ]);
});

test('the counts of the 200 class on a database of 800 connections are rejected', () => {
  const plan = promote({ class: 200, postgres: { class: 'pg.n4.2c.2m' } });
  expect(planValue(plan, 'api.connections')).toBe(5 * 4 * 40);
  expect(planValue(plan, 'pluginDaemon.connections')).toBe(10 * 30);
  expect(plan.postgresMaxConnections).toBe(800);
  expect(invariant(plan, 'connections.direct')?.status).toBe('broken');
  expect(plan.problems[0]).toMatchObject({
    severity: 'error',
    path: ['targets', 'prod', 'postgres', 'class'],
  });
  expect(plan.problems[0]?.hint).toContain('targets.prod.postgres.class: pg.n4.4c.2m (1600 connections)');
  expect(promote({ class: 200, postgres: { class: 'pg.n4.4c.2m' } }).problems).toEqual([]);
});

test('50 processes with pools of 200 on every replica are rejected', () => {
  const plan = promote({ class: 100, components: { api: { processes: 50, poolSize: 200 } } });
  expect(planValue(plan, 'api.connections')).toBe(2 * 50 * 210);
  expect(plan.problems[0]?.severity).toBe('error');
});

test('the published classes plan without a problem and keep the published counts', () => {
  const published = [
    [10, 'high-availability', 1, 1, 'pg.n4.2c.2m', 800],
    [100, 'high-availability', 2, 4, 'pg.n4.2c.2m', 800],
    [200, 'high-availability', 5, 10, 'pg.x4.8xlarge.2c', 25_600],
    [500, 'high-performance', 8, 16, 'pg.x8.2xlarge.2c', 12_800],
  ] as const;
  for (const [qps, edition, api, daemons, rds, connections] of published) {
    const plan = promote({ class: qps, edition });
    expect(plan.problems).toEqual([]);
    const replicas = (service: string) =>
      plan.cloud?.instances.find((one) => one.service === service)?.replicas;
    expect([replicas('api'), replicas('pluginDaemon'), replicas('worker')]).toEqual([api, daemons, 1]);
    expect(plan.cloud?.rds).toMatchObject({ class: rds, maxConnections: connections, source: 'published' });
  }
});

test('processor and memory of the published classes add up to the published totals', () => {
  const totals = ([10, 100, 200, 500] as const).map((qps) => {
    const plan = promote({ class: qps, edition: 'high-performance' });
    const published = plan.cloud?.instances.filter(({ service }) => service !== 'workerBeat') ?? [];
    const sum = (of: (instance: (typeof published)[number]) => number) =>
      published.reduce((total, instance) => total + instance.replicas * of(instance), 0);
    return [sum((one) => one.cpuMillicores / 1000), sum((one) => one.memoryMb / 1024), sum(() => 1)];
  });
  expect(totals).toEqual([
    [6, 12, 6],
    [28, 40, 10],
    [85, 110, 20],
    [133, 170, 29],
  ]);
});

test('through the proxy the demo shares 85 of 100 connections, five stay free', () => {
  const plan = planOf(defaultConfig());
  expect(plan.proxy?.serverConnections).toBe(85);
  expect(invariant(plan, 'connections.server')).toMatchObject({ actual: 90, limit: 90, status: 'holds' });
  expect(plan.proxy?.shares.map(({ component, listenPort }) => [component, listenPort])).toEqual([
    ['api', 16_433],
    ['worker', 16_434],
    ['workerBeat', 16_436],
    ['pluginDaemon', 16_435],
    ['other', 16_432],
  ]);
  expect(plan.problems).toEqual([]);
});

test('guarantees above the server connections are rejected', () => {
  const components = { api: { guaranteed: 60 }, worker: { guaranteed: 40 } };
  const { problems } = planOf(defaultConfig({ pgproxy: { components } }));
  expect(problems).toMatchObject([{ code: 'CONFIG_PLAN_SHARES', severity: 'error' }]);
  expect(problems[0]?.message).toBe(
    'the guaranteed shares add up to 102; the proxy has 85 server connections',
  );
});

test('a proxy that would hold more than PostgreSQL may give is rejected with the most that fits', () => {
  const planWith = (serverConnections: number) =>
    planOf(defaultConfig({ pgproxy: { serverConnections } })).problems;
  expect(planWith(96)).toMatchObject([{ code: 'CONFIG_PLAN_CONNECTIONS', severity: 'error' }]);
  expect(planWith(96)[0]?.hint).toContain('pgproxy.serverConnections: 85');
  expect(planWith(86)).toMatchObject([{ severity: 'warning' }]);
  expect(planWith(85)).toEqual([]);
});

test('a proxy that accepts fewer clients than may come is rejected', () => {
  const { problems } = planOf(defaultConfig({ pgproxy: { clientConnectionsMax: 149 } }));
  expect(problems[0]?.hint).toBe('Smallest change: pgproxy.clientConnectionsMax: 150.');
});

test('with the PostgreSQL mode of SLS each Python process opens ten more connections, to SLS', () => {
  const ofPlan = (sls: ConfigInput['sls']) => planValue(planOf(defaultConfig({ sls })), 'sls.connections');
  expect(ofPlan({})).toBe(30);
  expect(ofPlan({ pgMode: false })).toBeUndefined();
  expect(ofPlan({ enabled: false })).toBeUndefined();
});

test('a prefork worker has a pool per task and one for the parent', () => {
  const components = { worker: { celeryPool: 'prefork', concurrency: 4 } } as const;
  expect(planValue(planOf(defaultConfig({ components })), 'worker.connections')).toBe(5 * 40);
});

test('streaming runs grow the worker, blocking runs do not', () => {
  const streaming = promote({ class: 500, edition: 'high-performance', mode: 'streaming' });
  const worker = streaming.components.find(({ name }) => name === 'worker');
  const slots = Number(worker?.variables['CELERY_WORKER_AMOUNT']) * (worker?.replicas ?? 0);
  expect(slots).toBeGreaterThanOrEqual(500 * 10);
  expect(streaming.problems).toEqual([]);
  const blocking = promote({ class: 500, edition: 'high-performance' });
  expect(blocking.components.find(({ name }) => name === 'worker')?.replicas).toBe(1);
});

test('a load that the requests of the api cannot hold is rejected with the rate they carry', () => {
  const { problems } = planOf(
    defaultConfig(difyDefaults.load ? { ...difyDefaults, load: { class: 100 }, pgproxy: {} } : {}),
  );
  expect(problems).toMatchObject([
    { code: 'CONFIG_PLAN_SLOTS', severity: 'error', path: ['components', 'api'] },
  ]);
  expect(problems[0]?.message).toBe('100 runs/s of 10 s are 1000 at once; the api holds 10');
  expect(problems[0]?.hint).toBe('Smallest change: 990 more slots in the api, or at most 1 runs/s.');
});

test('the test edition sizes its own PostgreSQL', () => {
  const plan = promote({ edition: 'test' });
  expect(plan.postgresMaxConnections).toBe(200);
  expect(plan.cloud).toMatchObject({ edition: 'test', rds: undefined, redis: undefined });
  expect(plan.problems).toEqual([]);
});

test('an RDS class without a known ceiling needs one, a size that SAE does not offer is refused', () => {
  expect(promote({ postgres: { class: 'pg.new.9c' } }).problems[0]).toMatchObject({
    code: 'CONFIG_RDS_CLASS_UNKNOWN',
  });
  expect(promote({ postgres: { class: 'pg.new.9c', maxConnections: 900 } }).problems).toEqual([]);
  const { problems } = promote({ components: { api: { cpuMillicores: 8_000, memoryMb: 32_768 } } });
  expect(problems).toMatchObject([{ code: 'CONFIG_SIZE_ILLEGAL' }]);
  expect(problems[0]?.hint).toBe(
    'The nearest pairs are 16000 millicores with 32768 MB and 8000 millicores with 65536 MB.',
  );
});

test('a target that is not in the file is a user error that lists the others', () => {
  const config = defaultConfig({ targets: { prod: {}, stage: {} } });
  expect(() => planFor({ config, target: 'constructor' })).toThrow('no target "constructor"');
  expect(() => planFor({ config, target: 'prd' })).toThrow(
    expect.objectContaining({ hint: 'It has prod, stage.' }),
  );
});

/** Computes a formula from its inputs, so that a formula that does not say what was done is found out. */
function compute(formula: string, inputs: Readonly<Record<string, number | string>>): number {
  const words = formula
    .replaceAll('×', '*')
    .replaceAll('−', '-')
    .replaceAll(/[A-Za-z][\w.]*/g, (word) => {
      if (['min', 'max', 'ceil', 'floor'].includes(word)) return `Math.${word}`;
      expect(Object.keys(inputs), formula).toContain(word);
      return String(inputs[word]);
    });
  return Number(new Function(`return ${words}`)());
}

function randomConfig(seed: number): Config {
  const random = createRandom(seed);
  const pick = <T>(...values: readonly T[]): T => values[random.integer(values.length)] as T;
  const qps = Math.ceil(random.next() * 500);
  const prod = {
    targetQps: qps,
    runSeconds: pick(0.5, 3, 10, 60),
    mode: pick('blocking' as const, 'streaming' as const),
    edition: 'high-performance' as const,
    pgproxy: pick(true, false),
  };
  return defaultConfig({
    load: { targetQps: prod.targetQps, runSeconds: prod.runSeconds, mode: prod.mode },
    postgres: { maxConnections: pick(10, 97, 100, 1_000, 25_600), reservedConnections: pick(0, 3, 5) },
    pgproxy: {
      enabled: pick(true, false),
      components: { api: { weight: 3 }, worker: { max: pick(1, 5, 400) } },
    },
    components: {
      api: { poolSize: pick(1, 5, 30), maxOverflow: pick(0, 10) },
      apiWebsocket: { enabled: pick(true, false) },
      worker: { celeryPool: pick('gevent', 'prefork') },
      workerBeat: { enabled: pick(true, false) },
      pluginDaemon: { enabled: pick(true, false) },
    },
    targets: { prod },
  });
}

test('every derived number is what its formula says, whatever is configured', () => {
  for (let seed = 0; seed < 200; seed += 1) {
    const config = randomConfig(seed);
    for (const plan of [planOf(config), planFor({ config, target: 'prod' })]) {
      for (const { key, value, formula, inputs, source } of plan.numbers) {
        if (source === 'derived')
          expect(compute(formula, inputs), `${key} of seed ${seed}`).toBeCloseTo(value, 6);
        expect(Number.isFinite(value) && value >= 0, `${key} of seed ${seed}`).toBe(true);
      }
    }
  }
});

test('inputs named like a number of the plan have its value', () => {
  const plan = planOf(defaultConfig());
  for (const { key, inputs } of plan.numbers) {
    for (const [name, value] of Object.entries(inputs)) {
      const number = plan.numbers.find((candidate) => candidate.key === name);
      if (number !== undefined) expect(value, `${name} in ${key}`).toBe(number.value);
    }
  }
});

test('a proxy that is planned freely never breaks an invariant of connections or shares', () => {
  for (let seed = 0; seed < 500; seed += 1) {
    const plan = planOf({ ...randomConfig(seed), pgproxy: defaultConfig().pgproxy });
    const broken = plan.invariants.filter(
      ({ key, status }) => status !== 'holds' && !key.startsWith('slots.'),
    );
    expect(broken, `seed ${seed}`).toEqual([]);
    for (const share of plan.proxy?.shares ?? []) expect(share.guaranteed).toBeLessThanOrEqual(share.max);
  }
});

test('more load never plans fewer instances of a service', () => {
  let previous: Readonly<Record<string, number>> = {};
  for (let qps = 1; qps <= 500; qps += 1) {
    const plan = promote({ targetQps: qps, edition: 'high-performance', mode: 'streaming' });
    const now = Object.fromEntries(
      plan.cloud?.instances.map(({ service, replicas }) => [service, replicas]) ?? [],
    );
    for (const [service, replicas] of Object.entries(previous)) {
      expect(now[service], `${service} at ${qps}`).toBeGreaterThanOrEqual(replicas);
    }
    previous = now;
  }
});

test('an explanation puts the numbers in place of their names', () => {
  const plan = promote({ class: 500, edition: 'high-performance' });
  const number = plan.numbers.find(({ key }) => key === 'api.connections');
  expect(number && explain(number)).toEqual({
    formula: 'api.replicas × api.processes × (api.poolSize + api.maxOverflow)',
    substituted: '8 × 8 × (30 + 10)',
  });
});
