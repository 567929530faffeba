// A program as a user of @alicloud/log writes it: nothing here knows about a local stack.
// Prints one JSON object a line, as evidence for the test beside it.
import Client from '@alicloud/log';

const project = 'alicloud-log-compat';
const logstore = 'web';
const client = new Client({
  accessKeyId: process.env.ALIYUN_SLS_ACCESS_KEY_ID,
  accessKeySecret: process.env.ALIYUN_SLS_ACCESS_KEY_SECRET,
  endpoint: process.env.ALIYUN_SLS_ENDPOINT,
});

const print = (step, result) => process.stdout.write(`${JSON.stringify({ step, result })}\n`);
const codeOf = (promise) =>
  promise.then(
    () => 'no error',
    (error) => ({
      code: error.code,
      message: error.message,
      hasRequestId: /^[0-9A-F]{24}$/.test(error.requestid),
    }),
  );

const token = [
  ',',
  ' ',
  "'",
  '"',
  ';',
  '=',
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  '?',
  '@',
  '&',
  '<',
  '>',
  '/',
  ':',
  '\n',
  '\t',
  '\r',
];
const index = {
  ttl: 7,
  line: { caseSensitive: false, chn: false, token },
  keys: {
    path: { type: 'text', caseSensitive: false, chn: false, doc_value: true, token },
    status: { type: 'long', doc_value: true },
    seconds: { type: 'double', doc_value: true },
  },
};

const now = Math.floor(Date.now() / 1000);
const from = new Date((now - 600) * 1000);
const to = new Date((now + 600) * 1000);

print('unknown project', await codeOf(client.getProject(project)));
print('create project', await client.createProject(project, { description: 'made by @alicloud/log' }));
const created = await client.getProject(project);
print('get project', { name: created.projectName, description: created.description, status: created.status });
print('create project twice', await codeOf(client.createProject(project, { description: '' })));
print('unknown logstore', await codeOf(client.getLogStore(project, logstore)));
print('create logstore', await client.createLogStore(project, logstore, { ttl: 7, shardCount: 2 }));
const store = await client.getLogStore(project, logstore);
print('get logstore', { name: store.logstoreName, ttl: store.ttl, shardCount: store.shardCount });
print('list logstores', await client.listLogStore(project));
print('update logstore', await client.updateLogStore(project, logstore, { ttl: 8, shardCount: 2 }));
print('ttl after update', (await client.getLogStore(project, logstore)).ttl);
print('no index', await codeOf(client.getIndexConfig(project, logstore)));
print('query without index', await codeOf(client.getLogs(project, logstore, from, to, { query: '*' })));
print('create index', await client.createIndex(project, logstore, index));
print('index keys', (await client.getIndexConfig(project, logstore)).keys);
print('index twice', await codeOf(client.createIndex(project, logstore, index)));

for (let number = 0; number < 30; number++) {
  await client.postLogStoreLogs(project, logstore, {
    logs: [
      {
        timestamp: now - 300 + number,
        content: {
          path: number % 2 === 0 ? '/orders/订单' : '/users',
          status: String(number % 3 === 0 ? 500 : 200),
          seconds: String(number / 10),
          unindexed: `"quoted"\nline ${number}`,
        },
      },
    ],
    topic: 'web topic',
    source: '192.0.2.7',
    tags: [{ __hostname__: 'host-1' }],
  });
}
print('wrote', 30);

const rows = await client.getLogs(project, logstore, from, to, {
  query: 'path:orders and status:500',
  line: 100,
});
print(
  'search',
  rows.map((row) => [Number(row.__time__) - now, row.path, row.status, row.unindexed]),
);
print('flattened', [rows[0].__topic__, rows[0].__source__, rows[0]['__tag__:__hostname__']]);
const page = await client.getLogs(project, logstore, from, to, {
  query: '*',
  line: 7,
  offset: 7,
  reverse: true,
});
print(
  'page backwards',
  page.map((row) => Number(row.__time__) - now),
);
const slots = await client.getHistograms(project, logstore, from, to, { query: 'status:500' });
print(
  'histogram',
  slots.reduce((sum, slot) => sum + slot.count, 0),
);
const sql =
  '* | SELECT path, COUNT(*) AS n, SUM(status) AS total, AVG(seconds) AS mean FROM log GROUP BY path ORDER BY path';
const table = await client.getLogs(project, logstore, from, to, { query: sql });
print(
  'sql',
  table.map(({ path, n, total, mean }) => ({ path, n, total, mean })),
);
const projectSql = `SELECT COUNT(*) AS n FROM ${logstore} WHERE __time__ > ${now - 600} AND __time__ < ${now + 600}`;
print(
  'project sql',
  (await client.getProjectLogs(project, { query: projectSql })).map(({ n }) => n),
);
print(
  'sql error',
  await codeOf(client.getLogs(project, logstore, from, to, { query: '* | SELECT nothing FROM log' })),
);

print(
  'update index',
  await client.updateIndex(project, logstore, { ...index, keys: { status: index.keys.status } }),
);
print('index keys after update', Object.keys((await client.getIndexConfig(project, logstore)).keys));
print('delete index', await client.deleteIndex(project, logstore));
print('delete logstore', await client.deleteLogStore(project, logstore));
print('deleted logstore', await codeOf(client.getLogStore(project, logstore)));
print('delete project', await client.deleteProject(project));
print('deleted project', await codeOf(client.getProject(project)));
