import type { Clock } from '@sampan/base';
import { slsErrors } from '@sampan/sls-wire';
import {
  errorOfEffect,
  type FaultEffect,
  type FaultRule,
  faultRuleSchema,
  quotaError,
  shardQuota,
} from './fault-rule.ts';
import { createRateLimit, type RateLimit } from './rate-limit.ts';
import { createSeededRandom } from './seeded-random.ts';

export type { FaultRule } from './fault-rule.ts';

/** A fault in force. */
export interface Fault {
  readonly id: number;
  readonly rule: FaultRule;
  /** How often it has been met. */
  readonly met: number;
}

/** What makes the emulator as harsh as the cloud. Nothing is in force until it is added. */
export interface FaultInjection {
  /** Throws `ParameterInvalid` when the rule is not one. */
  add(rule: FaultRule): Fault;
  /** False when there is no such fault. */
  remove(id: number): boolean;
  clear(): void;
  list(): readonly Fault[];
}

/** What a fault is matched with. */
export interface FaultTarget {
  readonly operation?: string | undefined;
  readonly project: string | undefined;
  readonly logstore: string | undefined;
}

/** A write that is about to be stored. */
export interface WriteTarget extends FaultTarget {
  readonly uid: string;
  readonly shard: number;
  readonly bytes: number;
}

type Named<Kind extends FaultEffect['kind']> = Extract<FaultEffect, { kind: Kind }>;

/** The side of the faults that the emulator asks. */
export interface Faults extends FaultInjection {
  /** False: nothing below needs to be asked. */
  readonly isActive: boolean;
  /** Delays, refuses or cuts off a request; resolves when it may go on. */
  before(target: FaultTarget): Promise<void>;
  /** The same once it has taken effect. */
  after(target: FaultTarget): void;
  /** Throws when a write is beyond a quota. */
  admitWrite(target: WriteTarget): void;
  isIncomplete(target: FaultTarget): boolean;
  /** How much later a write becomes visible. */
  visibilityDelayMs(target: FaultTarget): number;
  /** How wrong the server's clock is. */
  skewMs(): number;
}

/** Thrown when a connection is to be closed without an answer. */
export class Disconnect extends Error {
  override readonly name = 'Disconnect';
}

const faultsMax = 1000;

interface Entry {
  readonly id: number;
  readonly rule: FaultRule;
  readonly random: () => number;
  /** Rates of a quota by what it counts. */
  readonly limits: Map<string, { bytes: RateLimit; writes: RateLimit }>;
  seen: number;
  met: number;
}

export function createFaults(clock: Clock): Faults {
  return new FaultTable(clock);
}

class FaultTable implements Faults {
  readonly #clock: Clock;
  readonly #entries = new Map<number, Entry>();
  #serial = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isActive(): boolean {
    return this.#entries.size > 0;
  }

  add(given: FaultRule): Fault {
    const parsed = faultRuleSchema.safeParse(given);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw slsErrors.parameterInvalid(
        `${issue?.path.join('.') || 'rule'}: ${issue?.message ?? 'is invalid'}`,
      );
    }
    if (this.#entries.size >= faultsMax) throw slsErrors.exceedQuota(`at most ${faultsMax} faults`);
    this.#serial += 1;
    const rule = parsed.data;
    const random = createSeededRandom(rule.seed ?? 1);
    const entry: Entry = { id: this.#serial, rule, random, limits: new Map(), seen: 0, met: 0 };
    this.#entries.set(entry.id, entry);
    return faultOf(entry);
  }

  remove(id: number): boolean {
    return this.#entries.delete(id);
  }

  clear(): void {
    this.#entries.clear();
  }

  list(): readonly Fault[] {
    return [...this.#entries.values()].map(faultOf);
  }

  async before(target: FaultTarget): Promise<void> {
    for (const [entry, { ms, jitterMs = 0 }] of this.#matching('latency', target)) {
      if (!this.#isMet(entry)) continue;
      const delayMs = ms + entry.random() * jitterMs;
      await new Promise<void>((resolve) => {
        this.#clock.after(delayMs, resolve);
      });
    }
    this.#strike('before', target);
  }

  after(target: FaultTarget): void {
    this.#strike('after', target);
  }

  admitWrite(target: WriteTarget): void {
    for (const [entry, effect] of this.#matching('quota', target)) {
      const { per = 'shard', ...rates } = effect;
      const key = {
        shard: `${target.uid}/${target.shard}`,
        logstore: target.uid,
        project: target.project ?? '',
      }[per];
      const limit = entry.limits.get(key) ?? this.#limitsOf(rates);
      entry.limits.set(key, limit);
      const exceeded = !limit.writes.take(1)
        ? 'writes'
        : !limit.bytes.take(target.bytes)
          ? 'bytes'
          : undefined;
      if (exceeded !== undefined && this.#isMet(entry)) throw quotaError(per, exceeded);
    }
  }

  isIncomplete(target: FaultTarget): boolean {
    for (const [entry] of this.#matching('incomplete', target)) if (this.#isMet(entry)) return true;
    return false;
  }

  visibilityDelayMs(target: FaultTarget): number {
    let delayMs = 0;
    for (const [entry, { ms }] of this.#matching('lateVisibility', target)) {
      if (this.#isMet(entry)) delayMs = Math.max(delayMs, ms);
    }
    return delayMs;
  }

  skewMs(): number {
    let sum = 0;
    for (const { rule } of this.#entries.values())
      if (rule.effect.kind === 'clockSkew') sum += rule.effect.ms;
    return sum;
  }

  #limitsOf(rates: { bytesPerSecond?: number | undefined; writesPerSecond?: number | undefined }) {
    const isDefault = rates.bytesPerSecond === undefined && rates.writesPerSecond === undefined;
    const { bytesPerSecond = Number.POSITIVE_INFINITY, writesPerSecond = Number.POSITIVE_INFINITY } =
      isDefault ? shardQuota : rates;
    return {
      bytes: createRateLimit(bytesPerSecond, this.#clock),
      writes: createRateLimit(writesPerSecond, this.#clock),
    };
  }

  #strike(when: 'before' | 'after', target: FaultTarget): void {
    for (const [entry, effect] of this.#matching('error', target)) {
      if ((effect.when ?? 'before') === when && this.#isMet(entry)) throw errorOfEffect(effect);
    }
    for (const [entry, effect] of this.#matching('disconnect', target)) {
      if ((effect.when ?? 'before') === when && this.#isMet(entry))
        throw new Disconnect('a fault closes the connection');
    }
  }

  *#matching<Kind extends FaultEffect['kind']>(
    kind: Kind,
    target: FaultTarget,
  ): Generator<[Entry, Named<Kind>]> {
    for (const entry of this.#entries.values()) {
      const { effect, match } = entry.rule;
      if (effect.kind === kind && isMatch(match, target)) yield [entry, effect as Named<Kind>];
    }
  }

  /** Counts a matching request; true when this one meets the fault. */
  #isMet(entry: Entry): boolean {
    const { probability = 1, skip = 0, times } = entry.rule;
    entry.seen += 1;
    if (entry.seen <= skip || entry.random() >= probability) return false;
    entry.met += 1;
    if (times !== undefined && entry.met >= times) this.#entries.delete(entry.id);
    return true;
  }
}

function isMatch(match: FaultRule['match'], target: FaultTarget): boolean {
  if (match === undefined) return true;
  const { project, logstore, operation } = match;
  if (project !== undefined && project !== target.project) return false;
  if (logstore !== undefined && logstore !== target.logstore) return false;
  // A write through the PostgreSQL protocol has no action of the HTTP API.
  if (operation === undefined || target.operation === undefined) return true;
  const action = actionOf(target.operation);
  return [operation].flat().some((name) => actionOf(name) === action);
}

/** Both forms of GetLogs are one action to a client. */
function actionOf(operation: string): string {
  return operation === 'GetLogsV2' ? 'GetLogs' : operation;
}

function faultOf({ id, rule, met }: Entry): Fault {
  return { id, rule, met };
}
