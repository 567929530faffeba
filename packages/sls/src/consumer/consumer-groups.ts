import { type Clock, messageOf } from '@sampan/base';
import { slsErrors } from '@sampan/sls-wire';
import { slsEmulatorErrors } from '../errors.ts';
import type { Documents } from '../storage/documents.ts';
import {
  type Checkpoint,
  ConsumerGroup,
  type ConsumerGroupSettings,
  consumerGroupSchema,
  type ReadableShard,
} from './consumer-group.ts';

/** The consumer groups of every logstore, by the logstore's uid. Changes resolve when they are durable. */
export interface ConsumerGroups {
  list(uid: string): readonly ConsumerGroupSettings[];
  create(uid: string, settings: ConsumerGroupSettings): Promise<void>;
  update(uid: string, name: string, change: ConsumerGroupChange): Promise<void>;
  remove(uid: string, name: string): Promise<void>;
  /** The shards that a consumer should read now. */
  heartbeat(uid: string, name: string, beat: Heartbeat): number[];
  /** One entry for each of the shards asked for, in their order. */
  checkpoints(uid: string, name: string, shards: readonly number[]): Checkpoint[];
  saveCheckpoint(uid: string, name: string, save: CheckpointSave): Promise<void>;
  /** Forgets the groups of a logstore that is gone. */
  drop(uid: string): Promise<void>;
  /** Forgets the groups of all logstores but these. */
  dropAllExcept(uids: ReadonlySet<string>): Promise<void>;
}

export interface ConsumerGroupChange {
  readonly timeout?: number | undefined;
  readonly order?: boolean | undefined;
}

export interface Heartbeat {
  readonly consumer: string;
  /** Shards it still reads. */
  readonly held: readonly number[];
  readonly shards: readonly ReadableShard[];
}

export interface CheckpointSave {
  readonly shard: number;
  readonly checkpoint: string;
  readonly consumer: string;
  /** True: whoever reads the shard. */
  readonly isForced: boolean;
  /** All shards of the logstore. */
  readonly shards: readonly number[];
}

const groupsMax = 30;

/** Reads the groups kept below a folder of documents of their own. */
export async function openConsumerGroups(options: {
  readonly documents: Documents;
  readonly clock: Clock;
}): Promise<ConsumerGroups> {
  const groups = new Map<string, Map<string, ConsumerGroup>>();
  for (const [name, value] of await options.documents.load()) {
    const [uid = ''] = name.split('/');
    const parsed = consumerGroupSchema.safeParse(value);
    if (!parsed.success) throw corrupt(name, messageOf(parsed.error));
    const some = groups.get(uid) ?? new Map<string, ConsumerGroup>();
    groups.set(uid, some.set(parsed.data.name, new ConsumerGroup(parsed.data)));
  }
  return new DurableConsumerGroups(options.documents, options.clock, groups);
}

class DurableConsumerGroups implements ConsumerGroups {
  readonly #documents: Documents;
  readonly #clock: Clock;
  readonly #groups: Map<string, Map<string, ConsumerGroup>>;
  /** The write that has not begun yet, by document: checkpoints that come meanwhile share it. */
  readonly #waiting = new Map<string, Promise<void>>();
  readonly #writing = new Map<string, Promise<void>>();

  constructor(documents: Documents, clock: Clock, groups: Map<string, Map<string, ConsumerGroup>>) {
    this.#documents = documents;
    this.#clock = clock;
    this.#groups = groups;
  }

  list(uid: string): readonly ConsumerGroupSettings[] {
    return [...(this.#groups.get(uid)?.values() ?? [])]
      .map((group) => group.settings)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async create(uid: string, settings: ConsumerGroupSettings): Promise<void> {
    const some = this.#groups.get(uid) ?? new Map<string, ConsumerGroup>();
    if (some.has(settings.name)) throw slsErrors.consumerGroupAlreadyExist();
    if (some.size >= groupsMax)
      throw slsErrors.exceedQuota(`a logstore has at most ${groupsMax} consumer groups`);
    const group = new ConsumerGroup({ ...settings, checkpoints: [] });
    this.#groups.set(uid, some.set(settings.name, group));
    await this.#save(uid, group);
  }

  async update(uid: string, name: string, change: ConsumerGroupChange): Promise<void> {
    const group = this.#require(uid, name);
    const { timeout, order } = group.settings;
    group.settings = { name, timeout: change.timeout ?? timeout, order: change.order ?? order };
    await this.#save(uid, group);
  }

  async remove(uid: string, name: string): Promise<void> {
    this.#require(uid, name);
    this.#groups.get(uid)?.delete(name);
    const document = documentOf(uid, name);
    await Promise.allSettled([this.#writing.get(document), this.#waiting.get(document)]);
    if (this.#groups.get(uid)?.has(name) !== true) await this.#documents.remove(document);
  }

  heartbeat(uid: string, name: string, beat: Heartbeat): number[] {
    const { consumer, shards } = beat;
    const known = new Set(shards.map((shard) => shard.shard));
    const held = beat.held.filter((shard) => known.has(shard));
    return this.#require(uid, name).heartbeat({ consumer, held, nowMs: this.#clock.nowMs() }, shards);
  }

  checkpoints(uid: string, name: string, shards: readonly number[]): Checkpoint[] {
    const group = this.#require(uid, name);
    return shards.map((shard) => group.checkpoint(shard));
  }

  async saveCheckpoint(uid: string, name: string, save: CheckpointSave): Promise<void> {
    const group = this.#require(uid, name);
    if (!save.shards.includes(save.shard)) throw slsErrors.consumerShardNotExist(save.shard);
    group.saveCheckpoint({ ...save, nowMs: this.#clock.nowMs() });
    group.keepOnly(save.shards);
    await this.#save(uid, group);
  }

  async drop(uid: string): Promise<void> {
    this.#groups.delete(uid);
    await Promise.allSettled([...this.#writing.values(), ...this.#waiting.values()]);
    await this.#documents.removeFolder(uid);
  }

  async dropAllExcept(uids: ReadonlySet<string>): Promise<void> {
    for (const uid of [...this.#groups.keys()]) if (!uids.has(uid)) await this.drop(uid);
  }

  #require(uid: string, name: string): ConsumerGroup {
    const group = this.#groups.get(uid)?.get(name);
    if (group === undefined) throw slsErrors.consumerGroupNotExist();
    return group;
  }

  /** Resolves when a state at least as new as now is durable. Never more than one write of a group under way. */
  #save(uid: string, group: ConsumerGroup): Promise<void> {
    const { name } = group.settings;
    const document = documentOf(uid, name);
    const waiting = this.#waiting.get(document);
    if (waiting !== undefined) return waiting;
    const before = this.#writing.get(document) ?? Promise.resolve();
    const next = before
      .catch(() => {})
      .then(async () => {
        this.#waiting.delete(document);
        this.#writing.set(document, next);
        // A group deleted meanwhile must not come back.
        if (this.#groups.get(uid)?.get(name) === group) await this.#documents.write(document, group.stored());
      })
      .finally(() => {
        if (this.#writing.get(document) === next) this.#writing.delete(document);
      });
    this.#waiting.set(document, next);
    return next;
  }
}

/** Names may differ in case only, and file systems may not tell such names apart. */
function documentOf(uid: string, name: string): string {
  return `${uid}/${/^[a-z0-9_-]+$/.test(name) ? name : `+${Buffer.from(name).toString('hex')}`}`;
}

function corrupt(name: string, reason: string): Error {
  return slsEmulatorErrors.create('SLS_DOCUMENT_CORRUPT', {
    message: `consumer group document ${name}.json is not what it should be: ${reason}`,
    hint: 'restore the file from a copy, or move it away to go on without it',
  });
}
