import { createFakeClock, createTemporaryFolder } from '@sampan/testkit';
import { describe, expect, it } from 'vitest';
import { createDocuments, type Documents } from '../storage/documents.ts';
import { type ConsumerGroups, openConsumerGroups } from './consumer-groups.ts';
import { encodeCursor } from './cursor.ts';

const settings = { name: 'g', timeout: 30, order: true };
const clock = createFakeClock();
const open = (documents: Documents): Promise<ConsumerGroups> => openConsumerGroups({ documents, clock });
const save = (groups: ConsumerGroups, position: number, name = 'g'): Promise<void> =>
  groups.saveCheckpoint('aa', name, {
    shard: 0,
    checkpoint: encodeCursor(position),
    consumer: 'c',
    isForced: true,
    shards: [0, 1],
  });

describe('consumer groups', () => {
  it('and their checkpoints survive a restart, whatever their names', async () => {
    await using folder = await createTemporaryFolder();
    const documents = createDocuments(folder.path);
    const groups = await open(documents);
    // Names that one file system or another would mix up or refuse.
    const names = ['g', 'G', 'con', '..', 'a.b', 'x'.repeat(128)];
    for (const name of names) await groups.create('aa', { ...settings, name });
    await groups.create('bb', settings);
    for (const [index, name] of names.entries()) await save(groups, index, name);
    await groups.update('aa', 'G', { timeout: 77 });
    await groups.remove('aa', 'con');

    const again = await open(createDocuments(folder.path));
    expect(again.list('aa').map((group) => group.name)).toEqual(
      names.filter((name) => name !== 'con').sort(),
    );
    expect(again.list('aa').find((group) => group.name === 'G')).toEqual({
      name: 'G',
      timeout: 77,
      order: true,
    });
    expect(again.list('bb')).toEqual([settings]);
    expect(again.checkpoints('aa', 'a.b', [0, 1])).toEqual([
      { shard: 0, checkpoint: encodeCursor(4), updateTime: 1_700_000_000_000_000, consumer: 'c' },
      { shard: 1, checkpoint: '', updateTime: 0, consumer: '' },
    ]);
  });

  it('write checkpoints that come together once, and acknowledge none before it is kept', async () => {
    await using folder = await createTemporaryFolder();
    let writes = 0;
    const disk = createDocuments(folder.path);
    const documents: Documents = {
      ...disk,
      load: () => disk.load(),
      remove: (name) => disk.remove(name),
      removeFolder: (name) => disk.removeFolder(name),
      write: (name, value) => {
        writes += 1;
        return disk.write(name, value);
      },
    };
    const groups = await open(documents);
    await groups.create('aa', settings);
    const before = writes;
    await Promise.all(Array.from({ length: 100 }, (_, position) => save(groups, position)));
    expect(writes - before).toBeLessThan(5);
    const kept = await open(createDocuments(folder.path));
    expect(kept.checkpoints('aa', 'g', [0])[0]?.checkpoint).toBe(encodeCursor(99));
  });

  it('do not come back when they are deleted while a checkpoint is written', async () => {
    await using folder = await createTemporaryFolder();
    const groups = await open(createDocuments(folder.path));
    await groups.create('aa', settings);
    const saving = [save(groups, 1), save(groups, 2)];
    await groups.remove('aa', 'g');
    await Promise.all(saving);
    expect((await open(createDocuments(folder.path))).list('aa')).toEqual([]);
    await groups.create('aa', settings);
    await groups.drop('aa');
    await groups.create('bb', settings);
    await groups.dropAllExcept(new Set());
    const empty = await open(createDocuments(folder.path));
    expect([empty.list('aa'), empty.list('bb')]).toEqual([[], []]);
  });

  it('tell an unreadable document by its name', async () => {
    await using folder = await createTemporaryFolder();
    const documents = createDocuments(folder.path);
    await documents.write('aa/g', { name: 'g' });
    await expect(open(documents)).rejects.toMatchObject({ code: 'SLS_DOCUMENT_CORRUPT' });
  });
});
