import type { Clock, Timer } from '@sampan/base';
import { type Ticket, WaitQueue } from './wait-queue.ts';

/** What a component may use of the server connections. */
export interface Share {
  readonly name: string;
  /** Server connections it gets before any component that is above its own guarantee. */
  readonly guaranteed: number;
  /** Server connections it never exceeds. */
  readonly max: number;
  /** Relative claim on what is left after the guarantees. */
  readonly weight: number;
  /** Clients that may wait; the next one is refused. */
  readonly queueMax: number;
  readonly queueTimeoutMs: number;
}

/** A component as the scheduler counts it. Only the scheduler writes to it. */
export interface Component<T> {
  share: Share;
  /** Server connections held by its clients, in use or being cleaned. */
  inUse: number;
  readonly waiting: WaitQueue<T>;
  /** Grants divided by weight: who was served less comes first among equals. */
  served: number;
  granted: number;
  refused: number;
  timedOut: number;
  timer: Timer | undefined;
}

export type Decision = 'granted' | 'queued' | 'full';

export interface SchedulerOptions<T> {
  /** Server connections there are. */
  readonly total: number;
  readonly shares: readonly Share[];
  readonly clock: Clock;
  /** Called for a ticket that has waited `queueTimeoutMs`; it is out of the queue already. */
  readonly onTimeout: (ticket: Ticket<T>, component: Component<T>) => void;
}

/**
 * Decides who gets a server connection next. It knows numbers only.
 *
 * Invariants, after every call:
 * 1. the sum of `inUse` is at most `total`; no component's `inUse` exceeds its `max`;
 * 2. nobody waits who could be served: with a connection free, every waiting component is at its `max`;
 * 3. a freed connection goes to a waiter below its guarantee before one at or above it. What is unused of a
 *    guarantee is lent, and so comes back with the first transaction that ends;
 * 4. inside a component the client that used less server time goes first, and nobody is passed over for ever.
 * Lowering `total` or a `max` suspends the first until enough was released.
 */
export class Scheduler<T> {
  readonly components: Component<T>[];
  total: number;
  readonly #clock: Clock;
  readonly #onTimeout: SchedulerOptions<T>['onTimeout'];
  #inUse = 0;
  #waiting = 0;

  constructor(options: SchedulerOptions<T>) {
    this.total = options.total;
    this.#clock = options.clock;
    this.#onTimeout = options.onTimeout;
    this.components = options.shares.map((share) => componentOf<T>(share));
  }

  get inUse(): number {
    return this.#inUse;
  }

  /** Clients waiting in all queues. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Asks for one server connection. A queued ticket is granted by a later `release`. */
  request(component: Component<T>, ticket: Ticket<T>): Decision {
    ticket.sinceMs = this.#clock.monotonicMs();
    if (this.#inUse < this.total && component.inUse < component.share.max) {
      this.#grant(component);
      return 'granted';
    }
    if (component.waiting.size >= component.share.queueMax) {
      component.refused++;
      return 'full';
    }
    // A component that had nobody waiting claims nothing for the time it was quiet.
    if (component.waiting.size === 0) component.served = Math.max(component.served, this.#leastServed());
    component.waiting.push(ticket);
    this.#waiting++;
    this.#arm(component, component.share.queueTimeoutMs);
    return 'queued';
  }

  /** Gives one connection back and returns the ticket that got it instead, if somebody was waiting. */
  release(component: Component<T>): Ticket<T> | undefined {
    component.inUse--;
    this.#inUse--;
    return this.#take();
  }

  #take(): Ticket<T> | undefined {
    const next = this.#inUse < this.total ? this.#next() : undefined;
    if (next === undefined) return undefined;
    const ticket = next.waiting.shift();
    this.#waiting--;
    this.#grant(next);
    return ticket;
  }

  /** Notes server time a client has used; those that used less go first. */
  charge(component: Component<T>, ticket: Ticket<T>, usedMs: number): void {
    component.waiting.charge(ticket, usedMs);
  }

  /**
   * Takes new numbers. A component that is gone keeps its clients without a guarantee. Returns the tickets that
   * are granted by it. What exceeds lower numbers comes back as it is released.
   */
  change(total: number, shares: readonly Share[]): Ticket<T>[] {
    this.total = total;
    for (const component of this.components) {
      const share = shares.find(({ name }) => name === component.share.name);
      component.share = share ?? {
        ...component.share,
        guaranteed: 0,
        max: Math.min(component.share.max, total),
      };
      component.timer?.cancel();
      component.timer = undefined;
      if (component.waiting.size > 0) this.#arm(component, 0);
    }
    for (const share of shares) {
      if (!this.components.some((one) => one.share.name === share.name))
        this.components.push(componentOf(share));
    }
    const granted: Ticket<T>[] = [];
    for (let ticket = this.#take(); ticket !== undefined; ticket = this.#take()) granted.push(ticket);
    return granted;
  }

  /** Leaves the queue; false when the ticket was not waiting. */
  withdraw(ticket: Ticket<T>): boolean {
    if (ticket.queue === undefined) return false;
    ticket.queue.remove(ticket);
    this.#waiting--;
    return true;
  }

  /** How long the first in the queue has waited. */
  longestWaitMs(component: Component<T>): number {
    const first = component.waiting.first;
    return first === undefined ? 0 : this.#clock.monotonicMs() - first.sinceMs;
  }

  stop(): void {
    for (const component of this.components) component.timer?.cancel();
  }

  #grant(component: Component<T>): void {
    component.inUse++;
    component.granted++;
    component.served += 1 / component.share.weight;
    this.#inUse++;
  }

  #next(): Component<T> | undefined {
    if (this.#waiting === 0) return undefined;
    let best: Component<T> | undefined;
    for (const component of this.components) {
      if (component.waiting.size === 0 || component.inUse >= component.share.max) continue;
      if (best === undefined || isBefore(component, best)) best = component;
    }
    return best;
  }

  #leastServed(): number {
    let least = Number.POSITIVE_INFINITY;
    for (const component of this.components) {
      if (component.waiting.size > 0) least = Math.min(least, component.served);
    }
    return least === Number.POSITIVE_INFINITY ? 0 : least;
  }

  /** One timer per component: its waiters share a time-out, so the first in the queue is the first to expire. */
  #arm(component: Component<T>, delayMs: number): void {
    component.timer ??= this.#clock.after(delayMs, () => {
      component.timer = undefined;
      this.#expire(component);
    });
  }

  #expire(component: Component<T>): void {
    const timeoutMs = component.share.queueTimeoutMs;
    for (;;) {
      const first = component.waiting.first;
      if (first === undefined) return;
      const leftMs = timeoutMs - (this.#clock.monotonicMs() - first.sinceMs);
      if (leftMs > 0) {
        this.#arm(component, leftMs);
        return;
      }
      this.withdraw(first);
      component.timedOut++;
      this.#onTimeout(first, component);
    }
  }
}

function componentOf<T>(share: Share): Component<T> {
  return {
    share,
    inUse: 0,
    waiting: new WaitQueue<T>(),
    served: 0,
    granted: 0,
    refused: 0,
    timedOut: 0,
    timer: undefined,
  };
}

/** Below guarantee first, the emptier one first; then by weighted use; then by who was served less. */
function isBefore<T>(a: Component<T>, b: Component<T>): boolean {
  const isBelowA = a.inUse < a.share.guaranteed;
  const isBelowB = b.inUse < b.share.guaranteed;
  if (isBelowA !== isBelowB) return isBelowA;
  const useA = isBelowA ? a.inUse / a.share.guaranteed : (a.inUse + 1) / a.share.weight;
  const useB = isBelowB ? b.inUse / b.share.guaranteed : (b.inUse + 1) / b.share.weight;
  return useA === useB ? a.served < b.served : useA < useB;
}
