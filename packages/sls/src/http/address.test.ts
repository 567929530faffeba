import { expect, it } from 'vitest';
import { defaultBaseDomains, projectOfHost } from './address.ts';

const options = { baseDomains: [...defaultBaseDomains, 'emulator.internal.example'] };

it.each([
  ['shop.sls.local', 'shop'],
  ['shop.sls.local:15080', 'shop'],
  ['SHOP.SLS.LOCAL', 'shop'],
  ['shop.localhost:80', 'shop'],
  ['shop.127.0.0.1', 'shop'],
  ['shop.127.0.0.1:8080', 'shop'],
  ['shop.cn-hangzhou.log.aliyuncs.com', 'shop'],
  ['shop.cn-hangzhou-intranet.log.aliyuncs.com:443', 'shop'],
  ['shop.cn-shanghai.sls.aliyuncs.com', 'shop'],
  ['shop.host.docker.internal', 'shop'],
  ['shop.emulator.internal.example', 'shop'],
  ['shop.some.unknown.name', 'shop'],
  ['shop.sls.local.', 'shop'],
])('%s names the project %s', (host, project) => {
  expect(projectOfHost(host, options)).toBe(project);
});

it.each([
  '127.0.0.1',
  '127.0.0.1:15080',
  '[::1]:15080',
  '[::1]',
  'localhost:15080',
  'sls.local',
  'host.docker.internal',
  'emulator:8080',
  'emulator.internal.example',
  'cn-hangzhou.log.aliyuncs.com',
  'cn-hangzhou-vpc.log.aliyuncs.com',
  '',
])('%j names the server itself', (host) => {
  expect(projectOfHost(host, options)).toBeUndefined();
  expect(projectOfHost(host, { ...options, defaultProject: 'only' })).toBe('only');
});
