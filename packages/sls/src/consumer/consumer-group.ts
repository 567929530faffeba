import { slsErrors } from '@sampan/sls-wire';
import { z } from 'zod';
import { decodeCursor } from './cursor.ts';
import { assignShards, type Member, type Owners } from './shard-assignment.ts';

/** What a client sets. */
export interface ConsumerGroupSettings {
  readonly name: string;
  /** Seconds without a heartbeat after which a consumer loses its shards. */
  readonly timeout: number;
  /** True: shards born of a split or merge are handed out after their parents were read. */
  readonly order: boolean;
}

/** How far a group has read a shard. */
export interface Checkpoint {
  readonly shard: number;
  readonly checkpoint: string;
  /** Microseconds since the Unix epoch. */
  readonly updateTime: number;
  readonly consumer: string;
}

/** A shard as its readers see it now. */
export interface ReadableShard {
  readonly shard: number;
  readonly isReadonly: boolean;
  readonly parents: readonly number[];
  /** The first position held, and the one behind the last. Both are final once the shard is readonly and settled. */
  readonly begin: number;
  readonly end: number;
}

export const consumerGroupSchema = z.object({
  name: z.string(),
  timeout: z.number(),
  order: z.boolean(),
  checkpoints: z.array(
    z.object({ shard: z.number(), checkpoint: z.string(), updateTime: z.number(), consumer: z.string() }),
  ),
});

/** A group as it is kept. Who consumes is not kept: after a restart consumers report what they hold. */
export type StoredConsumerGroup = z.infer<typeof consumerGroupSchema>;

/** The service has no published bound; this one only stops a client that invents names. */
const consumersMax = 1000;

interface Consumer {
  lastSeenMs: number;
  /** What was last reported and what was last handed out: a consumer may be reading either. */
  holds: ReadonlySet<number>;
}

/** One consumer group: settings and checkpoints, and who reads which shard at the moment. */
export class ConsumerGroup {
  settings: ConsumerGroupSettings;
  readonly #checkpoints: Map<number, Checkpoint>;
  readonly #consumers = new Map<string, Consumer>();
  #owners: Owners = new Map();

  constructor(stored: StoredConsumerGroup) {
    const { name, timeout, order, checkpoints } = stored;
    this.settings = { name, timeout, order };
    this.#checkpoints = new Map(checkpoints.map((each) => [each.shard, each]));
  }

  stored(): StoredConsumerGroup {
    return { ...this.settings, checkpoints: [...this.#checkpoints.values()] };
  }

  /** The checkpoint of a shard; an empty one when none was stored. */
  checkpoint(shard: number): Checkpoint {
    return this.#checkpoints.get(shard) ?? { shard, checkpoint: '', updateTime: 0, consumer: '' };
  }

  /**
   * Notes that a consumer lives and what it reads, and answers what it should read. A shard is never handed to it
   * while another live consumer may still be reading it; one that it has is left to it when another, which was
   * thought dead, turns up with it.
   */
  heartbeat(
    beat: { readonly consumer: string; readonly held: readonly number[]; readonly nowMs: number },
    shards: readonly ReadableShard[],
  ): number[] {
    this.#expire(beat.nowMs);
    if (!this.#consumers.has(beat.consumer) && this.#consumers.size >= consumersMax) {
      throw slsErrors.exceedQuota(`a consumer group has at most ${consumersMax} consumers`);
    }
    this.#consumers.set(beat.consumer, { lastSeenMs: beat.nowMs, holds: new Set(beat.held) });
    const members: Member[] = [...this.#consumers].map(([name, { holds }]) => ({ name, holds }));
    this.#owners = assignShards(this.#shardsToRead(shards), members, this.#owners);
    const given = [...this.#owners]
      .filter(([, owner]) => owner === beat.consumer)
      .filter(([shard, owner]) => beat.held.includes(shard) || !this.#isHeldByOther(shard, owner))
      .map(([shard]) => shard)
      .sort((a, b) => a - b);
    this.#consumers.set(beat.consumer, {
      lastSeenMs: beat.nowMs,
      holds: new Set([...beat.held, ...given]),
    });
    return given;
  }

  /** Stores a checkpoint. Unless forced, only for a live consumer that reads the shard. */
  saveCheckpoint(save: {
    readonly shard: number;
    readonly checkpoint: string;
    readonly consumer: string;
    readonly isForced: boolean;
    readonly nowMs: number;
  }): void {
    this.#expire(save.nowMs);
    if (!save.isForced) {
      const consumer = this.#consumers.get(save.consumer);
      if (consumer === undefined) throw slsErrors.consumerNotExist(save.consumer);
      if (!consumer.holds.has(save.shard)) throw slsErrors.consumerNotMatch(save.shard, save.consumer);
    }
    const { shard, checkpoint, consumer } = save;
    this.#checkpoints.set(shard, { shard, checkpoint, consumer, updateTime: save.nowMs * 1000 });
  }

  /** Forgets the checkpoints of shards that are gone. */
  keepOnly(shards: readonly number[]): void {
    for (const shard of this.#checkpoints.keys()) {
      if (!shards.includes(shard)) this.#checkpoints.delete(shard);
    }
  }

  #expire(nowMs: number): void {
    for (const [name, { lastSeenMs }] of this.#consumers) {
      if (nowMs - lastSeenMs > this.settings.timeout * 1000) this.#consumers.delete(name);
    }
  }

  /** What has something left to read and, in order, whose parents have not. */
  #shardsToRead(shards: readonly ReadableShard[]): number[] {
    const byId = new Map(shards.map((shard) => [shard.shard, shard]));
    const isReadUp = (id: number): boolean => {
      const shard = byId.get(id);
      return shard === undefined || this.#isReadUp(shard);
    };
    return shards
      .filter((shard) => !this.#isReadUp(shard))
      .filter((shard) => !this.settings.order || shard.parents.every(isReadUp))
      .map((shard) => shard.shard);
  }

  /** Nothing will ever follow in a readonly shard; once its checkpoint is at the end there is nothing left. */
  #isReadUp(shard: ReadableShard): boolean {
    if (!shard.isReadonly) return false;
    if (shard.begin >= shard.end) return true;
    const position = decodeCursor(this.checkpoint(shard.shard).checkpoint);
    return position !== undefined && position >= shard.end;
  }

  #isHeldByOther(shard: number, consumer: string): boolean {
    for (const [name, { holds }] of this.#consumers) if (name !== consumer && holds.has(shard)) return true;
    return false;
  }
}
