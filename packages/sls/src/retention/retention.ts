import { type Clock, type Log, messageOf, type Timer } from '@sampan/base';
import type { Catalog } from '../catalog/catalog.ts';
import type { IndexEngine } from '../index-engine/index-engine.ts';
import type { LogStorage } from '../storage/store.ts';

export interface RetentionOptions {
  readonly catalog: Pick<Catalog, 'projects' | 'logstores'>;
  readonly storage: Pick<LogStorage, 'expire' | 'shards'>;
  readonly engine: Pick<IndexEngine, 'forget'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Removes what is older than its logstore's `ttl`, once an hour. */
export interface Retention {
  stop(): Promise<void>;
}

const everyMs = 3_600_000;
const dayMs = 86_400_000;
/** The value of `ttl` that means for ever. */
const daysForEver = 3650;

export function startRetention(options: RetentionOptions): Retention {
  const { catalog, storage, engine, clock, log } = options;
  let isStopped = false;
  /** An hour has passed since the run under way began. */
  let isDue = false;
  let running: Promise<void> | undefined;
  let timer: Timer;

  async function removeExpired(uid: string, ttl: number): Promise<void> {
    const beforeMs = clock.nowMs() - ttl * dayMs;
    const segments = await storage.expire(uid, beforeMs);
    const logs = await engine.forget({ uid, shards: storage.shards(uid) }, beforeMs);
    if (segments + logs > 0)
      log.info({ uid, ttl, segments, logs }, 'removed logs that had reached their ttl');
  }

  async function run(): Promise<void> {
    for (const { projectName } of catalog.projects()) {
      for (const { uid, ttl } of catalog.logstores(projectName)) {
        if (isStopped) return;
        if (ttl >= daysForEver) continue;
        try {
          await removeExpired(uid, ttl);
        } catch (error) {
          // A logstore may be deleted meanwhile; anything else is tried again in an hour.
          log.warn({ uid, reason: messageOf(error) }, 'expired logs could not be removed');
        }
      }
    }
  }

  async function runWhileDue(): Promise<void> {
    while (isDue && !isStopped) {
      isDue = false;
      await run();
    }
    running = undefined;
  }

  function tick(): void {
    timer = clock.after(everyMs, tick);
    isDue = true;
    running ??= runWhileDue();
  }

  timer = clock.after(everyMs, tick);
  return {
    async stop() {
      isStopped = true;
      timer.cancel();
      await running;
    },
  };
}
