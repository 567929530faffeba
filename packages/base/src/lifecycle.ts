import { messageOf } from './errors.ts';

/** Something that was started. `stop` releases everything and may be called twice. */
export interface Stoppable {
  stop(): Promise<void>;
}

/** Releases what was started, last first. */
export interface Lifecycle extends Stoppable, AsyncDisposable {
  /** Registers how to release something that has just been acquired. */
  defer(name: string, release: () => Promise<void> | void): void;
}

/**
 * Creates an empty lifecycle. Every release runs even when an earlier one failed; the failures are then
 * thrown together. Something deferred after `stop` began is released at once.
 */
export function createLifecycle(): Lifecycle {
  const releases: { name: string; release: () => Promise<void> | void }[] = [];
  let stopping: Promise<void> | undefined;

  async function releaseAll(): Promise<void> {
    const failures: Error[] = [];
    for (let next = releases.pop(); next !== undefined; next = releases.pop()) {
      try {
        await next.release();
      } catch (error) {
        failures.push(new Error(`stopping ${next.name} failed: ${messageOf(error)}`, { cause: error }));
      }
    }
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, failures.map((f) => f.message).join('; '));
  }

  const lifecycle: Lifecycle = {
    defer(name, release) {
      releases.push({ name, release });
      if (stopping !== undefined) stopping = stopping.then(releaseAll);
    },
    stop() {
      stopping ??= releaseAll();
      return stopping;
    },
    [Symbol.asyncDispose]: () => lifecycle.stop(),
  };
  return lifecycle;
}
