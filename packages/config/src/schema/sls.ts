import { z } from 'zod';
import { integer, option, port } from './option.ts';

const tokens = z.array(z.string().min(1).max(8)).max(64);

/** One indexed key, as the SLS API spells it. */
const indexKey = z.strictObject({
  type: option(z.enum(['text', 'long', 'double', 'json']), { description: 'Type of the key.' }),
  caseSensitive: option(z.boolean().optional(), {
    description: 'Whether search tells upper from lower case.',
  }),
  chn: option(z.boolean().optional(), { description: 'Whether Chinese text is segmented.' }),
  doc_value: option(z.boolean().optional(), { description: 'Whether SQL may use the key.' }),
  token: option(tokens.optional(), { description: 'Characters that separate words.' }),
  alias: option(z.string().min(1).max(128).optional(), { description: 'Second name of the key.' }),
});

const explicitIndex = z.strictObject({
  line: z
    .strictObject({
      token: option(tokens, { description: 'Characters that separate words.' }),
      caseSensitive: option(z.boolean().optional(), {
        description: 'Whether search tells upper from lower case.',
      }),
      chn: option(z.boolean().optional(), { description: 'Whether Chinese text is segmented.' }),
    })
    .optional(),
  keys: option(z.record(z.string().min(1).max(128), indexKey).optional(), {
    description: 'Indexed keys by name.',
  }),
});

export const logstoreNamePattern = /^[a-z0-9][a-z0-9_-]{0,61}[a-z0-9]$/;

const logstore = z
  .strictObject({
    shards: option(integer(1, 64).default(2), { unit: 'shards', description: 'Shards of the logstore.' }),
    ttlDays: option(integer(1, 3650).optional(), {
      unit: 'days',
      description: 'How long its logs are kept; 3650 is for ever. Absent: sls.logstoreTtlDays.',
    }),
    index: option(z.union([z.enum(['dify', 'none']), explicitIndex]).default('dify'), {
      description: 'dify: the index Dify makes for the logstore of that name; none; or an index written out.',
    }),
  })
  .prefault({});

export const slsSchema = z.strictObject({
  enabled: option(z.boolean().default(true), {
    description: 'Whether Dify keeps its workflow records in SLS. false: in PostgreSQL.',
  }),
  httpPort: option(port().default(15_080), { description: 'Port of the SLS HTTP API.' }),
  pgPort: option(port().default(15_433), { description: 'Port of the SLS PostgreSQL protocol.' }),
  address: option(
    z
      .union([
        z.literal(false),
        z.string().regex(/^127(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/, 'an address that begins with 127.'),
      ])
      .default('127.0.54.32'),
    {
      description:
        'Loopback address on which SLS also answers at ports 80 and 5432, the only ones Dify tries. false: none.',
    },
  ),
  project: option(
    z
      .string()
      .regex(
        /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/,
        '3 to 63 lower-case letters, digits and -, no - at either end',
      )
      .default('dify'),
    { description: 'SLS project (ALIYUN_SLS_PROJECT_NAME).' },
  ),
  region: option(
    z
      .string()
      .regex(/^[a-z]{2,}(-[a-z0-9]+)+$/, 'a region id such as cn-hangzhou')
      .default('cn-hangzhou'),
    {
      description: 'Region that V4 signatures name (ALIYUN_SLS_REGION).',
    },
  ),
  logstoreTtlDays: option(integer(1, 3650).default(365), {
    unit: 'days',
    description: 'ALIYUN_SLS_LOGSTORE_TTL; 3650 is for ever.',
  }),
  pgMode: option(z.boolean().default(true), {
    description:
      'LOGSTORE_PG_MODE_ENABLED: Dify uses the PostgreSQL protocol of SLS; ten more connections per process.',
  }),
  auth: option(z.enum(['strict', 'any']).default('strict'), {
    description: 'strict: signatures are verified against the local key; any: every signature passes.',
  }),
  logstores: option(
    z
      .record(
        z
          .string()
          .regex(
            logstoreNamePattern,
            '2 to 63 lower-case letters, digits, _ and -, letter or digit at either end',
          ),
        logstore,
      )
      .default(() => ({
        workflow_execution: { shards: 2, index: 'dify' as const },
        workflow_node_execution: { shards: 2, index: 'dify' as const },
      })),
    { description: 'Logstores made at the start, by name.' },
  ),
});
