import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { signV1, signV4, type UnsignedRequest } from './sls-signature.ts';

const v1Key = { id: 'bq2sjzesjmo86kq35behupbq', secret: '4fdO2fTDDnZPU/L7CHNdemB2Nsk=' };
const v4Key = { id: 'acsddda21dsd', secret: 'zxasdasdasw2' };
const v4Request: UnsignedRequest = {
  method: 'POST',
  path: '/logstores',
  query: {},
  headers: {
    'x-log-content-sha256': createHash('sha256').update('adasd= -asd zcas').digest('hex'),
    'x-log-date': '20220808T032330Z',
  },
  body: Buffer.from('adasd= -asd zcas'),
};

describe('version 1, against the vectors of the vendor', () => {
  it('signs a listing with version 1', () => {
    const authorization = signV1(
      {
        method: 'GET',
        path: '/logstores',
        query: { logstoreName: '', offset: '0', size: '1000' },
        headers: {
          date: 'Mon, 09 Nov 2015 06:11:16 GMT',
          'x-log-apiversion': '0.6.0',
          'x-log-signaturemethod': 'hmac-sha1',
        },
        body: new Uint8Array(),
      },
      v1Key,
    );
    expect(authorization).toBe(`LOG ${v1Key.id}:jEYOTCJs2e88o+y5F4/S5IsnBJQ=`);
  });

  it('signs a write with version 1', () => {
    const authorization = signV1(
      {
        method: 'POST',
        path: '/logstores/test-logstore',
        query: {},
        headers: {
          'content-md5': '1DD45FA4A70A9300CC9FE7305AF2C494',
          'content-type': 'application/x-protobuf',
          date: 'Mon, 09 Nov 2015 06:03:03 GMT',
          'x-log-apiversion': '0.6.0',
          'x-log-bodyrawsize': '50',
          'x-log-compresstype': 'lz4',
          'x-log-signaturemethod': 'hmac-sha1',
        },
        body: new Uint8Array(),
      },
      v1Key,
    );
    expect(authorization).toBe(`LOG ${v1Key.id}:XWLGYHGg2F2hcfxWxMLiNkGki6g=`);
  });
});

describe('version 4, against the vectors of the vendor', () => {
  it('signs a request without parameters', () => {
    expect(signV4(v4Request, v4Key, 'cn-shanghai')).toBe(
      'SLS4-HMAC-SHA256 Credential=acsddda21dsd/20220808/cn-shanghai/sls/aliyun_v4_request,' +
        'Signature=8a10a5e723cb2e75964816de660b2c16a58af8bc0261f7f0722d832468c76ce8',
    );
  });

  it('signs odd headers and parameters', () => {
    const request = {
      ...v4Request,
      query: { ' abc': 'efg', ' agc ': '', '': 'efg', 'A-bc': 'eFg' },
      headers: { ...v4Request.headers, 'x-log-test': 'het123', 'x-acs-ppp': 'dds' },
    };
    expect(signV4(request, v4Key, 'cn-hangzhou')).toContain(
      'Signature=a98f5632e93836e63839cd836a54055f480020a9364ca944e2d34f2eb9bf1bed',
    );
  });
});
