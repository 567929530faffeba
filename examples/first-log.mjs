// Writes one log with the vendor's own SDK and reads it back: first by search, then by SQL.
// Nothing here knows of a local stack: the same file runs against Alibaba Cloud with its own variables.
import AliyunLog from '@alicloud/log';

const {
  ALIYUN_SLS_ENDPOINT,
  ALIYUN_SLS_PROJECT_NAME,
  ALIYUN_SLS_ACCESS_KEY_ID,
  ALIYUN_SLS_ACCESS_KEY_SECRET,
} = process.env;
const client = new AliyunLog({
  endpoint: ALIYUN_SLS_ENDPOINT,
  accessKeyId: ALIYUN_SLS_ACCESS_KEY_ID,
  accessKeySecret: ALIYUN_SLS_ACCESS_KEY_SECRET,
});
const project = ALIYUN_SLS_PROJECT_NAME;
const logstore = 'first-log';

await client
  .createLogStore(project, logstore, { ttl: 7, shardCount: 1 })
  .catch(unless('LogStoreAlreadyExist'));
const token = [' ', ',', ':', '/'];
await client
  .createIndex(project, logstore, {
    line: { token, caseSensitive: false, chn: false },
    keys: {
      greeting: { type: 'text', token, caseSensitive: false, chn: false, doc_value: true },
      weight: { type: 'long', doc_value: true },
    },
  })
  .catch(unless('IndexAlreadyExist'));

const now = Math.floor(Date.now() / 1000);
await client.postLogStoreLogs(project, logstore, {
  logs: [{ timestamp: now, content: { greeting: 'hello from the laptop', weight: '42' } }],
  source: 'first-log',
});

const range = [new Date((now - 60) * 1000), new Date((now + 60) * 1000)];
const found = await client.getLogs(project, logstore, ...range, {
  query: 'greeting:laptop and weight > 41',
  line: 1,
});
const [answer] = await client.getLogs(project, logstore, ...range, {
  query: '* | SELECT count(*) AS logs, sum(weight) AS weight',
});
process.stdout.write(`found: ${found[0].greeting}\ncounted: ${answer.logs} logs, weight ${answer.weight}\n`);

/** Passes over the one error that is expected on a second run. */
function unless(code) {
  return (error) => {
    if (error.code !== code) throw error;
  };
}
