import { createFakeClock, createRandom } from '@sampan/testkit';
import { describe, expect, test } from 'vitest';
import { type Component, Scheduler, type Share } from './scheduler.ts';
import { createTicket, oldestEvery, type Ticket } from './wait-queue.ts';

const share = (name: string, rest: Partial<Share> = {}): Share => ({
  name,
  guaranteed: 0,
  max: 100,
  weight: 1,
  queueMax: 1000,
  queueTimeoutMs: 1000,
  ...rest,
});

function create(total: number, shares: readonly Share[]) {
  const clock = createFakeClock();
  const expired: string[] = [];
  const scheduler = new Scheduler<string>({
    total,
    shares,
    clock,
    onTimeout: (ticket) => expired.push(ticket.owner),
  });
  const component = (name: string): Component<string> => {
    const found = scheduler.components.find((one) => one.share.name === name);
    if (found === undefined) throw new Error(`no component ${name}`);
    return found;
  };
  const request = (name: string, owner = name) => scheduler.request(component(name), createTicket(owner));
  const release = (name: string) => scheduler.release(component(name))?.owner;
  return { clock, scheduler, component, request, release, expired };
}

describe('scheduler', () => {
  test('lends unused guarantees and takes them back with the first transaction that ends', () => {
    const { request, release } = create(4, [share('critical', { guaranteed: 2 }), share('batch')]);
    for (let n = 0; n < 4; n++) expect(request('batch')).toBe('granted');
    expect(request('batch', 'batch-5')).toBe('queued');
    expect(request('critical', 'critical-1')).toBe('queued');
    expect(request('critical', 'critical-2')).toBe('queued');
    expect(request('critical', 'critical-3')).toBe('queued');
    expect(release('batch')).toBe('critical-1');
    expect(release('batch')).toBe('critical-2');
    // The guarantee is served; now weights decide, and batch holds as many as critical.
    expect(release('batch')).toBe('batch-5');
  });

  test('never exceeds a ceiling although connections are free', () => {
    const { request, release, scheduler } = create(4, [share('a', { max: 1 }), share('b')]);
    expect(request('a')).toBe('granted');
    expect(request('a', 'a-2')).toBe('queued');
    expect(request('b')).toBe('granted');
    expect(release('b')).toBeUndefined();
    expect(release('a')).toBe('a-2');
    expect(scheduler.inUse).toBe(1);
  });

  test('divides what is left by weight', () => {
    const { request, release, component } = create(8, [share('heavy', { weight: 3 }), share('light')]);
    for (let n = 0; n < 8; n++) request('light');
    for (let n = 0; n < 50; n++) {
      request('heavy');
      request('light');
    }
    const total = { heavy: 0, light: 0 };
    for (let n = 0; n < 8; n++) release('light');
    total.heavy = component('heavy').inUse;
    total.light = component('light').inUse;
    expect(total).toEqual({ heavy: 6, light: 2 });
  });

  test('alternates between equals on a single connection', () => {
    const { request, release } = create(1, [share('a'), share('b')]);
    request('a');
    for (let n = 0; n < 3; n++) {
      request('a', 'a');
      request('b', 'b');
    }
    const order: string[] = [];
    let holder: string | undefined = 'a';
    for (let n = 0; n < 6 && holder !== undefined; n++) {
      holder = release(holder);
      if (holder !== undefined) order.push(holder);
    }
    expect(order.join('')).toMatch(/^(ab|ba)(ab|ba)(ab|ba)$/);
  });

  test('refuses the client after queueMax', () => {
    const { request, component } = create(1, [share('a', { queueMax: 1 })]);
    request('a');
    expect(request('a')).toBe('queued');
    expect(request('a')).toBe('full');
    expect(component('a').refused).toBe(1);
  });

  test('gives up on each waiter after its own time', () => {
    const { clock, request, release, expired } = create(1, [share('a', { queueTimeoutMs: 100 })]);
    request('a');
    request('a', 'first');
    clock.advance(60);
    request('a', 'second');
    clock.advance(39);
    expect(expired).toEqual([]);
    clock.advance(1);
    expect(expired).toEqual(['first']);
    clock.advance(60);
    expect(expired).toEqual(['first', 'second']);
    expect(release('a')).toBeUndefined();
  });

  test('lets a client that used little go before those that used much', () => {
    const { scheduler, component } = create(1, [share('a')]);
    const a = component('a');
    const [heavy, light] = [createTicket('heavy'), createTicket('light')];
    scheduler.request(a, createTicket('first'));
    scheduler.charge(a, heavy, 500);
    scheduler.charge(a, light, 5);
    scheduler.request(a, heavy);
    scheduler.request(a, light);
    expect(scheduler.release(a)?.owner).toBe('light');
    expect(scheduler.release(a)?.owner).toBe('heavy');
  });

  test('divides server time evenly between a client of long and a client of short transactions', () => {
    const { scheduler, component } = create(1, [share('a')]);
    const a = component('a');
    const costs = new Map([
      ['long', 90],
      ['short', 10],
    ]);
    const used = new Map<string, number>();
    const tickets = Array.from(costs.keys(), (name) => createTicket(name));
    scheduler.request(a, createTicket('first'));
    for (const ticket of tickets) scheduler.request(a, ticket);
    for (let n = 0; n < 2000; n++) {
      const ticket = scheduler.release(a);
      if (ticket === undefined) throw new Error('nobody waits');
      const costMs = costs.get(ticket.owner) ?? 0;
      used.set(ticket.owner, (used.get(ticket.owner) ?? 0) + costMs);
      scheduler.charge(a, ticket, costMs);
      scheduler.request(a, ticket);
    }
    // Half each, but for the turns that go by age.
    const ratio = (used.get('long') ?? 0) / (used.get('short') ?? 1);
    expect(ratio).toBeGreaterThan(0.8);
    expect(ratio).toBeLessThan(3.5);
  });

  test('takes new numbers while clients wait, and keeps those of a component that is gone', () => {
    const { scheduler, component, request, release } = create(1, [share('a'), share('b')]);
    request('a');
    request('a', 'a-2');
    request('b', 'b-1');
    expect(scheduler.change(2, [share('a', { max: 1 }), share('c')]).map(({ owner }) => owner)).toEqual([
      'b-1',
    ]);
    expect(component('b').share.guaranteed).toBe(0);
    expect(request('c', 'c-1')).toBe('queued');
    scheduler.change(1, [share('a'), share('c')]);
    expect(release('a')).toBeUndefined();
    expect(['a-2', 'c-1']).toContain(release('b'));
    expect(scheduler.inUse).toBe(1);
  });

  const schedules = Number(process.env['PGPROXY_SCHEDULES'] ?? 2000);
  test(
    `keeps every promise in ${schedules} random schedules`,
    () => {
      for (let seed = 1; seed <= schedules; seed++) {
        const violation = simulate(seed);
        if (violation !== undefined) throw new Error(`seed ${seed}: ${violation}`);
      }
    },
    Math.max(20_000, schedules * 10),
  );
});

/** Plays random requests, releases, departures and time; checks the invariants after every step. */
function simulate(seed: number): string | undefined {
  const random = createRandom(seed);
  const total = 1 + random.integer(8);
  let unpromised = total;
  const shares = Array.from({ length: 1 + random.integer(4) }, (_, n) => {
    const guaranteed = random.integer(unpromised + 1);
    unpromised -= guaranteed;
    return share(`c${n}`, {
      guaranteed,
      max: Math.max(1, guaranteed) + random.integer(total),
      weight: 1 + random.integer(4),
      queueMax: random.integer(10),
      queueTimeoutMs: 1 + random.integer(50),
    });
  });
  const { clock, scheduler } = create(total, shares);
  const waiting: Ticket<string>[] = [];
  /** Grants of its component that each waiter has seen pass. */
  const passed = new Map<Ticket<string>, number>();
  const notePassed = (granted: Ticket<string>, component: Component<string>): string | undefined => {
    passed.delete(granted);
    for (const [ticket, count] of passed) {
      if (ticket.queue !== component.waiting) continue;
      passed.set(ticket, count + 1);
      if (count + 1 > oldestEvery * (component.share.queueMax + 2)) return 'somebody is passed over for ever';
    }
    return undefined;
  };

  for (let step = 0; step < 60; step++) {
    const component = scheduler.components[random.integer(shares.length)];
    if (component === undefined) return 'no component';
    const choice = random.integer(4);
    if (choice <= 1) {
      const ticket = createTicket('x');
      scheduler.charge(component, ticket, random.integer(2000));
      if (scheduler.request(component, ticket) === 'queued') {
        waiting.push(ticket);
        passed.set(ticket, 0);
      }
    } else if (choice === 2 && component.inUse > 0) {
      const couldUseGuarantee = scheduler.components.some(
        (one) => one.waiting.size > 0 && one.inUse - (one === component ? 1 : 0) < one.share.guaranteed,
      );
      const before = scheduler.components.map((one) => one.inUse - (one === component ? 1 : 0));
      const ticket = scheduler.release(component);
      const winner = scheduler.components.findIndex((one, n) => one.inUse > (before[n] ?? 0));
      const wasBelow = (before[winner] ?? 0) < (shares[winner]?.guaranteed ?? 0);
      const starved = ticket === undefined ? undefined : starvation(scheduler, ticket, before, notePassed);
      if (starved !== undefined) return starved;
      if (couldUseGuarantee && (ticket === undefined || !wasBelow)) return 'a guarantee was passed over';
    } else if (choice === 3) {
      const ticket = waiting[random.integer(waiting.length + 1)];
      if (ticket !== undefined) scheduler.withdraw(ticket);
      clock.advance(random.integer(20));
    }
    const violation = violationOf(scheduler);
    if (violation !== undefined) return violation;
  }
  return undefined;
}

function starvation(
  scheduler: Scheduler<string>,
  ticket: Ticket<string>,
  before: readonly number[],
  notePassed: (ticket: Ticket<string>, component: Component<string>) => string | undefined,
): string | undefined {
  const winner = scheduler.components.find((one, n) => one.inUse > (before[n] ?? 0));
  return winner === undefined ? 'nobody won' : notePassed(ticket, winner);
}

function violationOf(scheduler: Scheduler<string>): string | undefined {
  const sum = scheduler.components.reduce((all, one) => all + one.inUse, 0);
  if (sum !== scheduler.inUse) return 'the count of connections is wrong';
  if (sum > scheduler.total) return 'more connections than there are';
  for (const one of scheduler.components) {
    if (one.inUse < 0 || one.inUse > one.share.max) return 'a ceiling was exceeded';
    if (one.waiting.size > one.share.queueMax) return 'a queue is too long';
    const isStarved = one.waiting.size > 0 && sum < scheduler.total && one.inUse < one.share.max;
    if (isStarved) return 'somebody waits although a connection is free';
  }
  return undefined;
}
