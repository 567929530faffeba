import { describe, expect, test } from 'vitest';
import { ClientStatements, ServerStatements, StatementRegistry } from './statements.ts';

const body = (sql: string): Buffer => Buffer.from(`${sql}\0\0\0`);

describe('statements', () => {
  test('of the same text and types are one, whatever clients call them', () => {
    const registry = new StatementRegistry(10);
    const a = new ClientStatements(registry);
    const b = new ClientStatements(registry);
    expect(a.define('x', body('SELECT 1'))).toBe(b.define('y', body('SELECT 1')));
    expect(a.define('z', body('SELECT 2'))).not.toBe(a.get('x'));
    expect(registry.use(Buffer.from('SELECT 1\0\0\x01\0\0\0\x17'))).not.toBe(a.get('x'));
  });

  test('are told to a server by messages of the protocol', () => {
    const statement = new StatementRegistry(10).use(body('SELECT 1'));
    expect(statement.parse.toString('latin1')).toBe('P\0\0\0\x18sampan_1\0SELECT 1\0\0\0');
    expect(statement.close.toString('latin1')).toBe('C\0\0\0\x0eSsampan_1\0');
  });

  test('that no client names are kept up to a bound', () => {
    const registry = new StatementRegistry(2);
    const client = new ClientStatements(registry);
    for (let n = 0; n < 5; n++) client.define(`s${n}`, body(`SELECT ${n}`));
    client.forgetAll();
    expect(registry.size).toBe(2);
    expect(client.size).toBe(0);
  });

  test('can be used until their Close is answered, and longer if it was skipped', () => {
    const client = new ClientStatements(new StatementRegistry(10));
    const first = client.define('a', body('SELECT 1'));
    expect(client.beginClose('a')).toBe(first);
    expect(client.isTaken('a')).toBe(false);
    client.cancelClose('a');
    expect(client.isTaken('a')).toBe(true);
    client.beginClose('a');
    const second = client.define('a', body('SELECT 2'));
    client.finishClose('a');
    expect(client.get('a')).toBe(second);
    client.beginClose('a');
    client.finishClose('a');
    expect(client.get('a')).toBeUndefined();
  });

  test('are named in errors as the client named them', () => {
    const client = new ClientStatements(new StatementRegistry(10));
    client.define('my-name', body('SELECT 1'));
    expect(client.inOwnNames('prepared statement "sampan_1" already exists')).toBe(
      'prepared statement "my-name" already exists',
    );
    client.forget('my-name');
    expect(client.inOwnNames('"sampan_1" and "sampan_7"')).toBe('"my-name" and "sampan_7"');
  });

  test('leave a server in the order of their last use', () => {
    const registry = new StatementRegistry(10);
    const server = new ServerStatements();
    const [a, b] = ['SELECT 1', 'SELECT 2'].map((sql) => registry.use(body(sql)));
    if (a === undefined || b === undefined) throw new Error('two statements were made');
    server.add(a);
    server.add(b);
    expect(server.touch(a)).toBe(true);
    expect(server.toEvict(3)).toBeUndefined();
    expect(server.toEvict(2)).toBe(b);
    server.remove(b);
    expect(server.touch(b)).toBe(false);
  });
});
