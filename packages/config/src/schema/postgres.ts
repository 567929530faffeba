import { z } from 'zod';
import { integer, option, port } from './option.ts';

/** Names that need no quoting in SQL; Dify and the plugin daemon use them unquoted in URLs. */
const identifier = () =>
  z
    .string()
    .regex(
      /^[a-z_][a-z0-9_]{0,62}$/,
      'lower-case letters, digits and _, not starting with a digit, at most 63',
    );

export const postgresSchema = z.strictObject({
  port: option(port().default(15_432), {
    description: 'Port of the local PostgreSQL; 0 takes any free one.',
  }),
  version: option(z.literal(18).default(18), { description: 'Major version of the local PostgreSQL.' }),
  user: option(identifier().default('postgres'), { description: 'Owner of the databases (DB_USERNAME).' }),
  maxConnections: option(integer(10, 30_000).default(100), {
    unit: 'connections',
    description: 'max_connections of the local PostgreSQL. On a target the RDS class decides.',
  }),
  reservedConnections: option(integer(0, 100).default(5), {
    unit: 'connections',
    description: 'Kept free of the proxy: three for superusers (the PostgreSQL default), two for tools.',
  }),
  databases: z
    .strictObject({
      dify: option(identifier().default('dify'), {
        description: 'Database of api and worker (DB_DATABASE).',
      }),
      plugin: option(identifier().default('dify_plugin'), { description: 'Database of the plugin daemon.' }),
    })
    .prefault({}),
});

function share(defaultPort: number) {
  return z
    .strictObject({
      port: option(port().default(defaultPort), {
        description: 'Port at which the proxy knows a client as this component.',
      }),
      guaranteed: option(integer(0, 10_000).optional(), {
        unit: 'server connections',
        description: 'Server connections the component always gets. Absent: planned.',
      }),
      max: option(integer(1, 10_000).optional(), {
        unit: 'server connections',
        description: 'The most it may hold, borrowed ones included. Absent: planned.',
      }),
      weight: option(integer(1, 100).default(1), {
        description: 'Its part of the connections that nobody has guaranteed.',
      }),
      queueMax: option(integer(0, 100_000).optional(), {
        unit: 'clients',
        description: 'Clients that may wait; the next one is refused. Absent: planned.',
      }),
      queueTimeoutMs: option(integer(1, 600_000).optional(), {
        unit: 'milliseconds',
        description: 'The longest wait for a server connection. Absent: planned.',
      }),
    })
    .prefault({});
}

export const pgproxySchema = z.strictObject({
  enabled: option(z.boolean().default(true), {
    description: 'Whether Dify reaches PostgreSQL through the proxy. false: directly.',
  }),
  port: option(port().default(16_432), {
    description: 'Port for everything that is not a component below, and for the admin console.',
  }),
  serverConnections: option(integer(1, 10_000).optional(), {
    unit: 'connections',
    description: 'Connections the proxy may hold to PostgreSQL. Absent: planned.',
  }),
  clientConnectionsMax: option(integer(1, 100_000).optional(), {
    unit: 'connections',
    description: 'Clients the proxy accepts at once. Absent: planned.',
  }),
  components: z
    .strictObject({
      api: share(16_433),
      apiWebsocket: share(16_437),
      worker: share(16_434),
      workerBeat: share(16_436),
      pluginDaemon: share(16_435),
    })
    .prefault({}),
});
