import { z } from 'zod';
import { isSubnet } from './client/access-rules.ts';
import { pgproxyErrors } from './errors.ts';
import type { Share } from './schedule/scheduler.ts';

const name = z.string().min(1).max(63);
const port = z.int().min(0).max(65_535);
const milliseconds = z.int().min(1).max(2_147_483_647);

const poolMode = z.enum(['transaction', 'session', 'statement']);
const pinning = z.enum(['pin', 'refuse', 'ignore']);
export type PoolMode = z.output<typeof poolMode>;
export type Pinning = z.output<typeof pinning>;

const shareFields = {
  guaranteed: z.int().min(0).default(0),
  max: z.int().min(1).optional(),
  weight: z.number().positive().max(1000).default(1),
  queueMax: z.int().min(0).max(100_000).default(1000),
  queueTimeoutMs: milliseconds.default(30_000),
  idleTransactionTimeoutMs: milliseconds.optional(),
  queryTimeoutMs: milliseconds.optional(),
  poolMode: poolMode.optional(),
};

const component = z.strictObject({
  name,
  match: z
    .strictObject({
      port: port.optional(),
      user: name.optional(),
      database: name.optional(),
      applicationName: z.string().max(256).optional(),
    })
    .default({}),
  ...shareFields,
  listenPort: port.optional(),
});

const user = z
  .strictObject({
    name,
    password: z.string().max(1000).optional(),
    auth: z.enum(['scram', 'md5', 'cleartext', 'trust']).optional(),
    serverUser: name.optional(),
    serverPassword: z.string().max(1000).optional(),
    poolMode: poolMode.optional(),
  })
  .refine((one) => one.password !== undefined || one.auth === 'trust', {
    message: 'has neither a password nor auth "trust"',
  });

const accessRule = z.strictObject({
  type: z.enum(['host', 'hostssl', 'hostnossl']).default('host'),
  databases: z.array(name).optional(),
  users: z.array(name).optional(),
  address: z.string().refine(isSubnet, { message: 'is no address such as 10.0.0.0/8 or ::1' }).optional(),
  method: z.enum(['scram', 'md5', 'cleartext', 'trust', 'user', 'reject']),
});
/** One line of `hba`. */
export type AccessRule = z.output<typeof accessRule>;

const optionsSchema = z.strictObject({
  listen: z.strictObject({ host: z.string().min(1).default('127.0.0.1'), port: port.default(0) }),
  server: z.strictObject({
    host: z.string().min(1),
    port: z.int().min(1).max(65_535),
    connections: z.int().min(1).max(10_000),
    user: name.optional(),
    password: z.string().max(1000).optional(),
    connectTimeoutMs: milliseconds.default(5000),
    idleTimeoutMs: milliseconds.default(600_000),
    resetTimeoutMs: milliseconds.default(10_000),
    lifetimeMs: milliseconds.default(3_600_000),
    checkQuery: z.string().max(1000).default('SELECT 1'),
    checkDelayMs: milliseconds.default(30_000),
    otherHosts: z
      .array(z.strictObject({ host: z.string().min(1), port: z.int().min(1).max(65_535) }))
      .max(16)
      .default([]),
    targetSession: z.enum(['any', 'read-write', 'read-only', 'primary', 'standby']).default('any'),
    protocol: z.enum(['3.0', '3.2']).default('3.2'),
    tls: z
      .strictObject({
        mode: z.enum(['disable', 'prefer', 'require', 'verify-ca', 'verify-full']),
        ca: z.string().min(1).optional(),
        cert: z.string().min(1).optional(),
        key: z.string().min(1).optional(),
      })
      .default({ mode: 'disable' }),
  }),
  users: z.array(user),
  hba: z.array(accessRule).max(1000).optional(),
  authQuery: z
    .strictObject({
      user: name,
      password: z.string().max(1000).optional(),
      database: name.default('postgres'),
      query: z
        .string()
        .min(1)
        .max(10_000)
        .default('SELECT rolname, rolpassword FROM pg_catalog.pg_authid WHERE rolname = $1 AND rolcanlogin'),
      cacheMs: milliseconds.default(10_000),
    })
    .optional(),
  tls: z.strictObject({ cert: z.string().min(1), key: z.string().min(1) }).optional(),
  components: z.array(component).default([]),
  defaultComponent: z.strictObject(shareFields).optional(),
  poolMode: poolMode.default('transaction'),
  transport: z.enum(['auto', 'net', 'io_uring']).default('net'),
  pinning: pinning.default('pin'),
  adminUsers: z.array(name).optional(),
  statsUsers: z.array(name).optional(),
  metrics: z.strictObject({ host: z.string().min(1).default('127.0.0.1'), port }).optional(),
  /** Connections one address may have, those that log in too. */
  connectionsPerAddressMax: z.int().min(1).max(100_000).optional(),
  clientConnectionsMax: z.int().min(1).max(100_000).default(5000),
  startupTimeoutMs: milliseconds.default(10_000),
  preparedStatementsMax: z.int().min(1).max(100_000).default(200),
  clientStatementsMax: z.int().min(1).max(100_000).default(5000),
  statementBytesMax: z
    .int()
    .min(1024)
    .max(1_073_741_823)
    .default(16 * 1024 * 1024),
  frameBytesMax: z.int().min(1024).max(2_147_483_647).default(1_073_741_823),
});

/** What a user writes; defaults may be left out. All of it is plain JSON. */
export type PgProxyOptions = z.input<typeof optionsSchema>;
/** Options with every default filled in. */
export type ResolvedOptions = z.output<typeof optionsSchema>;
export type UserOptions = ResolvedOptions['users'][number];
export type ComponentOptions = ResolvedOptions['components'][number];

/** The name under which clients are counted that match no component. */
export const defaultComponentName = 'default';

/** Checks options and fills in defaults. Reports every problem at once. */
export function resolveOptions(options: unknown): ResolvedOptions {
  const parsed = optionsSchema.safeParse(options);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      (issue) => `${issue.path.join('.') || 'options'}${shownValue(options, issue.path)}: ${issue.message}`,
    );
    throw pgproxyErrors.create('PGPROXY_OPTIONS_INVALID', {
      message: `the proxy's options are invalid: ${problems.join('; ')}`,
      hint: 'Compare with the table of options in docs/pgproxy.md.',
    });
  }
  checkNames(parsed.data);
  checkShares(parsed.data);
  return parsed.data;
}

/** The value at `path` as ` "value"`, if it is one value and no secret. */
function shownValue(options: unknown, path: readonly PropertyKey[]): string {
  if (path.some((name) => /password|^(?:key|cert|ca)$/i.test(String(name)))) return '';
  let value: unknown = options;
  for (const name of path) value = (value as Record<PropertyKey, unknown> | null | undefined)?.[name];
  const isScalar = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  return isScalar ? ` ${JSON.stringify(value).slice(0, 80)}` : '';
}

/** What a component gets, beyond what the scheduler has to know. */
export interface ComponentShare extends Share {
  /** An open transaction without a running statement ends its client after this long. */
  readonly idleTransactionTimeoutMs: number | undefined;
  /** A statement is cancelled after this long. */
  readonly queryTimeoutMs: number | undefined;
  readonly poolMode: PoolMode | undefined;
}

/** The shares of all components, the default one last. */
export function sharesOf(options: ResolvedOptions): ComponentShare[] {
  const rest = options.defaultComponent ?? optionsSchema.shape.defaultComponent.parse({});
  const all = [...options.components, { name: defaultComponentName, ...rest }];
  return all.map((one) => ({
    name: one.name,
    guaranteed: one.guaranteed ?? 0,
    max: Math.min(one.max ?? options.server.connections, options.server.connections),
    weight: one.weight ?? 1,
    queueMax: one.queueMax ?? 1000,
    queueTimeoutMs: one.queueTimeoutMs ?? 30_000,
    idleTransactionTimeoutMs: one.idleTransactionTimeoutMs,
    queryTimeoutMs: one.queryTimeoutMs,
    poolMode: one.poolMode,
  }));
}

function checkNames(options: ResolvedOptions): void {
  const problems: string[] = [];
  const seen = new Set([defaultComponentName]);
  for (const one of options.components) {
    if (seen.has(one.name)) problems.push(`the component name "${one.name}" is taken`);
    seen.add(one.name);
  }
  if (options.users.length === 0 && options.authQuery === undefined) {
    problems.push('users is empty and there is no authQuery');
  }
  const users = new Set<string>();
  for (const one of options.users) {
    if (users.has(one.name)) problems.push(`the user "${one.name}" is listed twice`);
    users.add(one.name);
  }
  if (problems.length === 0) return;
  throw pgproxyErrors.create('PGPROXY_OPTIONS_INVALID', {
    message: `the proxy's options are invalid: ${problems.join('; ')}`,
    hint: 'Give every component and every user one entry.',
  });
}

function checkShares(options: ResolvedOptions): void {
  const shares = sharesOf(options);
  const sum = shares.reduce((all, one) => all + one.guaranteed, 0);
  if (sum > options.server.connections) {
    throw pgproxyErrors.create('PGPROXY_SHARES_EXCEED_POOL', {
      message: `the guaranteed shares add up to ${sum}, but server.connections is ${options.server.connections}`,
      hint: 'Lower components[].guaranteed or raise server.connections.',
    });
  }
  const wrong = shares.find((one) => one.guaranteed > one.max);
  if (wrong === undefined) return;
  throw pgproxyErrors.create('PGPROXY_OPTIONS_INVALID', {
    message: `component "${wrong.name}" is guaranteed ${wrong.guaranteed} connections but limited to ${wrong.max}`,
    hint: 'Raise its max to at least its guaranteed.',
  });
}
