import { expect, test } from 'vitest';
import { assignComponent } from './assign-component.ts';

const components = [
  { name: 'worker', match: { user: 'dify', applicationName: 'celery' } },
  { name: 'plugins', match: { database: 'dify_plugin' } },
  { name: 'own-port', match: {}, listenPort: 16436 },
  { name: 'rest', match: {} },
  { name: 'api', match: { user: 'dify' } },
];
const ports = new Map([[16435, 'by-port']]);
const client = { port: 16432, user: 'dify', database: 'dify', applicationName: '' };

test.each([
  ['its port wins', { ...client, port: 16435, database: 'dify_plugin' }, 'by-port'],
  ['all conditions must hold', { ...client, applicationName: 'celery' }, 'worker'],
  ['the first that agrees is taken', { ...client, database: 'dify_plugin' }, 'plugins'],
  ['one condition is enough', client, 'api'],
  ['without conditions it takes whoever is left', { ...client, user: 'somebody' }, 'rest'],
])('a client is assigned: %s', (_, identity, want) => {
  expect(assignComponent(identity, components, ports)).toBe(want);
});

test('a component with a port of its own and no conditions takes nobody else', () => {
  expect(assignComponent({ ...client, user: 'somebody' }, components.slice(0, 3), ports)).toBeUndefined();
});
