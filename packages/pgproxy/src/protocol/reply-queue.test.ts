import { describe, expect, test } from 'vitest';
import { StatementRegistry } from '../prepared/statements.ts';
import { ReplyQueue, replies } from './reply-queue.ts';

const statement = new StatementRegistry(10).use(Buffer.from('SELECT 1\0\0\0'));

function drain(queue: ReplyQueue): number[] {
  const kinds: number[] = [];
  while (queue.size > 0) {
    kinds.push(queue.head);
    queue.pop();
  }
  return kinds;
}

describe('reply queue', () => {
  test('keeps order while it grows around its end', () => {
    const queue = new ReplyQueue();
    const want: number[] = [];
    for (let n = 0; n < 20; n++) queue.push(replies.query);
    for (let n = 0; n < 20; n++) queue.pop();
    for (let n = 0; n < 200; n++) {
      const kind = 1 + (n % 13);
      queue.push(kind);
      want.push(kind);
    }
    expect(drain(queue)).toEqual(want);
  });

  test('gives a statement back with the reply that names it', () => {
    const queue = new ReplyQueue();
    queue.push(replies.bind);
    queue.pushNamed(replies.parse, { name: 'a', statement });
    queue.push(replies.execute);
    queue.pushNamed(replies.closeKnown, { name: 'b', statement });
    expect([queue.pop(), queue.pop()?.name, queue.pop(), queue.pop()?.name]).toEqual([
      undefined,
      'a',
      undefined,
      'b',
    ]);
    expect(queue.pop()).toBeUndefined();
  });

  test('after an error drops up to the Sync and undoes newest first', () => {
    const queue = new ReplyQueue();
    queue.pushNamed(replies.parse, { name: 'a', statement });
    queue.push(replies.bind);
    queue.pushNamed(replies.parseKnown, { name: 'b', statement });
    queue.push(replies.sync);
    queue.push(replies.bind);
    const undone: (string | undefined)[] = [];
    expect(queue.skipToSync((_, name) => undone.push(name?.name))).toBe(true);
    expect(undone).toEqual(['b', undefined, 'a']);
    expect(drain(queue)).toEqual([replies.sync, replies.bind]);
  });

  test('says when the Sync is still to come', () => {
    const queue = new ReplyQueue();
    queue.push(replies.execute);
    expect(queue.skipToSync(() => {})).toBe(false);
    expect(queue.size).toBe(0);
  });

  test('forgets the Syncs that a server ignores while it takes COPY data', () => {
    const queue = new ReplyQueue();
    for (const kind of [replies.execute, replies.sync, replies.copyEnd, replies.sync]) queue.push(kind);
    queue.dropIgnoredSyncs();
    expect(drain(queue)).toEqual([replies.execute, replies.copyEnd, replies.sync]);
  });
});
