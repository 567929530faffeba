import { appendFile, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTemporaryFolder } from '@sampan/testkit';
import { describe, expect, it } from 'vitest';
import { root, startSlsProcess } from './src/apps.ts';
import { encodeLogGroup } from './src/log-group-bytes.ts';
import { runProcess } from './src/running-process.ts';
import { createLogstore, getLogs, putLogs, type SlsTarget } from './src/sls-request.ts';

const logstore = 'events';
const count = 300;

async function writeLogs(target: SlsTarget): Promise<void> {
  await createLogstore(target, logstore, ['id']);
  const ids = Array.from({ length: count }, (_, number) => `n${number}`);
  for (let at = 0; at < ids.length; at += 50) {
    const answers = await Promise.all(
      ids
        .slice(at, at + 50)
        .map((id) =>
          putLogs(
            target,
            logstore,
            encodeLogGroup({ logs: [{ time: 1_700_000_000, contents: [['id', id]] }] }),
          ),
        ),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 200));
  }
}

async function readIds(target: SlsTarget): Promise<Map<string, number>> {
  const query = '* | SELECT id, COUNT(*) AS n FROM log GROUP BY id LIMIT 100000';
  const answer = await getLogs(target, logstore, { from: 0, to: 2_000_000_000, query });
  expect(answer.status, answer.body.toString()).toBe(200);
  const { data } = answer.json() as { data: { id: string; n: string }[] };
  return new Map(data.map(({ id, n }) => [id, Number(n)]));
}

function expectAll(found: ReadonlyMap<string, number>): void {
  expect(found.size).toBe(count);
  expect([...found].filter(([, times]) => times !== 1)).toEqual([]);
}

async function filesBelow(folder: string, pattern: RegExp): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Writes, stops, damages the folder, starts again. */
async function afterDamage(
  damage: (folder: string) => Promise<void>,
  check: (target: SlsTarget) => Promise<void>,
): Promise<void> {
  await using folder = await createTemporaryFolder();
  {
    await using sls = await startSlsProcess(folder.path);
    await writeLogs(sls.target('damage'));
    expectAll(await readIds(sls.target('damage')));
  }
  await damage(folder.path);
  await using sls = await startSlsProcess(folder.path);
  await check(sls.target('damage'));
  // Whatever was found, the store takes new logs and gives them back.
  const written = await putLogs(
    sls.target('damage'),
    logstore,
    encodeLogGroup({ logs: [{ time: 1_700_000_001, contents: [['id', 'afterwards']] }] }),
  );
  expect(written.status, written.body.toString()).toBe(200);
  expect((await readIds(sls.target('damage'))).get('afterwards')).toBe(1);
}

describe('the emulator started on its folder again', () => {
  it('finds everything when nothing happened', async () => {
    await afterDamage(
      async () => {},
      async (target) => expectAll(await readIds(target)),
    );
  });

  it('rebuilds the index when its files are gone', async () => {
    await afterDamage(
      (folder) => rm(join(folder, 'index'), { recursive: true, force: true }),
      async (target) => expectAll(await readIds(target)),
    );
  });

  it('rebuilds the index when its file is damaged', async () => {
    await afterDamage(
      async (folder) => {
        for (const path of await filesBelow(join(folder, 'index'), /duckdb$/)) {
          await writeFile(
            path,
            Buffer.concat([
              await readFile(path).then((bytes) => bytes.subarray(0, 5000)),
              Buffer.alloc(3000, 7),
            ]),
          );
        }
      },
      async (target) => expectAll(await readIds(target)),
    );
  });

  it('drops half a record that a power cut left at the end of a segment', async () => {
    await afterDamage(
      async (folder) => {
        for (const path of await filesBelow(join(folder, 'log'), /\.seg$/))
          await appendFile(path, Buffer.alloc(37, 0x5a));
      },
      async (target) => expectAll(await readIds(target)),
    );
  });

  it('drops zeros that a file system left at the end of a segment', async () => {
    await afterDamage(
      async (folder) => {
        for (const path of await filesBelow(join(folder, 'log'), /\.seg$/))
          await truncate(path, (await stat(path)).size + 4096);
      },
      async (target) => expectAll(await readIds(target)),
    );
  });

  it('keeps all but the last record of a shard that lost its last bytes, and doubles none', async () => {
    await afterDamage(
      async (folder) => {
        for (const path of await filesBelow(join(folder, 'log'), /\.seg$/))
          await truncate(path, (await stat(path)).size - 3);
      },
      async (target) => {
        const found = await readIds(target);
        // Two shards, each lost its last record.
        expect(found.size).toBe(count - 2);
        expect([...found].filter(([, times]) => times !== 1)).toEqual([]);
      },
    );
  });
});

describe('the folder of the emulator', () => {
  it('belongs to one process; a second one is told so and exits with 3', async () => {
    await using folder = await createTemporaryFolder();
    await using sls = await startSlsProcess(folder.path);
    const second = await runProcess({
      command: [
        process.execPath,
        join(root, 'bin/sls.mjs'),
        '--port',
        '0',
        '--pg-port',
        '0',
        '--data',
        folder.path,
        '--json',
      ],
    });
    expect(second.code, second.stdout + second.stderr).toBe(3);
    expect(second.stderr).toContain(folder.path);
    expect(second.stderr).toContain(String(sls.pid));
  });

  it('may have been left by a killed process', async () => {
    await using folder = await createTemporaryFolder();
    {
      await using sls = await startSlsProcess(folder.path);
      await writeLogs(sls.target('damage'));
      sls.signal('SIGKILL');
      await sls.ended;
    }
    await using sls = await startSlsProcess(folder.path);
    expectAll(await readIds(sls.target('damage')));
  });

  it('gives the same access key again, and only to its owner', async () => {
    await using folder = await createTemporaryFolder();
    const keys: unknown[] = [];
    for (let start = 0; start < 2; start++) {
      await using sls = await startSlsProcess(folder.path);
      keys.push(sls.key);
    }
    expect(keys[1]).toEqual(keys[0]);
    for (const path of await filesBelow(folder.path, /key/)) {
      expect(((await stat(path)).mode & 0o077).toString(8), path).toBe('0');
    }
  });
});
