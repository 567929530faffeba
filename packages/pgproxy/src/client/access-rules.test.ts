import { expect, test } from 'vitest';
import { AccessRules, isSubnet } from './access-rules.ts';

const rules = new AccessRules([
  { type: 'host', users: ['bad'], method: 'reject' },
  { type: 'hostssl', address: '10.0.0.0/8', method: 'scram' },
  { type: 'host', databases: ['open'], address: '127.0.0.1', method: 'trust' },
  { type: 'hostnossl', address: '::1/128', method: 'user' },
]);
const visitor = { user: 'u', database: 'd', address: '127.0.0.1', isEncrypted: false };

test.each([
  [{ ...visitor, user: 'bad' }, 'reject'],
  [{ ...visitor, address: '10.1.2.3', isEncrypted: true }, 'scram'],
  [{ ...visitor, address: '10.1.2.3' }, undefined],
  [{ ...visitor, database: 'open' }, 'trust'],
  [{ ...visitor, database: 'open', address: '::ffff:127.0.0.1' }, 'trust'],
  [{ ...visitor, database: 'open', address: '127.0.0.2' }, undefined],
  [{ ...visitor, address: '::1' }, 'user'],
  [{ ...visitor, address: '::1', isEncrypted: true }, undefined],
])('the first rule that agrees decides for %j: %s', (who, method) => {
  expect(rules.methodFor(who)).toBe(method);
});

test.each([
  ['10.0.0.0/8', true],
  ['::1', true],
  ['10.0.0.0/33', false],
  ['example.org', false],
  ['', false],
])('%j as an address: %s', (text, is) => {
  expect(isSubnet(text)).toBe(is);
});
