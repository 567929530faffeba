import { createLog } from '@sampan/base';
import { expect, it } from 'vitest';
import { startSls } from '../testing.ts';
import { send } from './testing.ts';

it('writes one line per request under the request id that the client gets, without secrets', async () => {
  const lines: string[] = [];
  const log = createLog({
    name: 'test',
    level: 'debug',
    destination: { write: (line) => void lines.push(line) },
  });
  await using sls = await startSls({ log, pg: false });
  const reply = await send(sls.httpPort, {
    path: '/logstores/orders?type=log&query=private',
    headers: {
      authorization: 'LOG someone:c2lnbmF0dXJl',
      'x-log-apiversion': '0.6.0',
      'x-log-signaturemethod': 'hmac-sha1',
    },
  });
  const requestId = reply.headers['x-log-requestid'] ?? '';
  const about = lines.filter((line) => line.includes(requestId)).map((line) => JSON.parse(line) as unknown);
  expect(about).toEqual([
    expect.objectContaining({
      requestId,
      method: 'GET',
      path: '/logstores/orders',
      project: 'shop',
      status: 401,
    }),
  ]);
  expect(lines.join('')).not.toMatch(/c2lnbmF0dXJl|private/);
});
