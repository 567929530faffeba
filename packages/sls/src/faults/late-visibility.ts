import type { Clock } from '@sampan/base';
import type { ShardEnd } from '../storage/store.ts';

/** Records that are stored but not to be found yet. */
export interface LateVisibility {
  /** Hides a record, and everything behind it in its shard, until `delayMs` have passed; then `shown` runs. */
  hide(record: { uid: string; shard: number; position: number }, delayMs: number, shown: () => void): void;
  /** The shards with their ends drawn back to the first hidden record. */
  visible(uid: string, shards: readonly ShardEnd[]): readonly ShardEnd[];
}

export function createLateVisibility(clock: Clock): LateVisibility {
  /** Hidden positions by logstore and shard. */
  const hidden = new Map<string, Set<number>>();

  return {
    hide({ uid, shard, position }, delayMs, shown) {
      const key = `${uid}/${shard}`;
      const positions = hidden.get(key) ?? new Set();
      hidden.set(key, positions.add(position));
      clock.after(delayMs, () => {
        positions.delete(position);
        if (positions.size === 0) hidden.delete(key);
        shown();
      });
    },
    visible(uid, shards) {
      if (hidden.size === 0) return shards;
      return shards.map((shard) => {
        const positions = hidden.get(`${uid}/${shard.shard}`);
        if (positions === undefined) return shard;
        let end = shard.end;
        for (const position of positions) end = Math.min(end, position);
        return { ...shard, end };
      });
    },
  };
}
