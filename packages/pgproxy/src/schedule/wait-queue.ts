/**
 * A place in a component's queue. Each client owns one ticket for life, so waiting allocates nothing.
 * The links belong to the queue that holds the ticket; nobody else writes them.
 */
export interface Ticket<T> {
  readonly owner: T;
  queue: WaitQueue<T> | undefined;
  sinceMs: number;
  previous: Ticket<T> | undefined;
  next: Ticket<T> | undefined;
  /** Server time this client has used, on the queue's own clock; while it waits, its place in the order. */
  turn: number;
  /** Who came first, among equal turns. */
  arrival: number;
  /** Its place in the heap of the queue that holds it. */
  place: number;
}

export function createTicket<T>(owner: T): Ticket<T> {
  const links = { queue: undefined, previous: undefined, next: undefined };
  return { owner, ...links, sinceMs: 0, turn: 0, arrival: 0, place: -1 };
}

/** One grant in so many goes to whoever has waited longest, so that nobody waits for ever. */
export const oldestEvery = 4;
/** One long transaction puts its client behind the others by no more than this. */
const chargeMsMax = 1000;

/**
 * The waiting clients of one component. The next is the one that has used least server time since it began to
 * compete (start-time fair queueing: a deficit is paid back by waiting), every fourth time the oldest.
 *
 * Invariant: the list, ordered by arrival, and the heap, ordered by `turn`, hold the same tickets.
 */
export class WaitQueue<T> {
  size = 0;
  #first: Ticket<T> | undefined;
  #last: Ticket<T> | undefined;
  readonly #heap: Ticket<T>[] = [];
  /** The turn that was granted last; a client that was away comes in here, without a claim for that time. */
  #turn = 0;
  #grants = 0;
  #arrivals = 0;

  /** The one that has waited longest. */
  get first(): Ticket<T> | undefined {
    return this.#first;
  }

  push(ticket: Ticket<T>): void {
    ticket.queue = this;
    ticket.previous = this.#last;
    ticket.next = undefined;
    if (this.#last === undefined) this.#first = ticket;
    else this.#last.next = ticket;
    this.#last = ticket;
    this.size++;
    ticket.arrival = ++this.#arrivals;
    this.begin(ticket);
    ticket.place = this.#heap.length;
    this.#heap.push(ticket);
    this.#rise(ticket);
  }

  /** Takes out the one that is next. */
  shift(): Ticket<T> | undefined {
    const isForOldest = ++this.#grants % oldestEvery === 0;
    const ticket = isForOldest ? this.#first : this.#heap[0];
    if (ticket === undefined) return undefined;
    this.remove(ticket);
    this.#turn = Math.max(this.#turn, ticket.turn);
    return ticket;
  }

  /** Takes `ticket` out; it must be in this queue. */
  remove(ticket: Ticket<T>): void {
    if (ticket.previous === undefined) this.#first = ticket.next;
    else ticket.previous.next = ticket.next;
    if (ticket.next === undefined) this.#last = ticket.previous;
    else ticket.next.previous = ticket.previous;
    ticket.queue = undefined;
    ticket.previous = undefined;
    ticket.next = undefined;
    this.size--;
    const last = this.#heap.pop();
    if (last === undefined || last === ticket) return;
    last.place = ticket.place;
    this.#heap[last.place] = last;
    this.#rise(last);
    this.#sink(last);
  }

  /** Lets a client that was away compete from now on. */
  begin(ticket: Ticket<T>): void {
    ticket.turn = Math.max(ticket.turn, this.#turn);
  }

  /** Notes server time that the client of `ticket` has used; it must not be waiting. */
  charge(ticket: Ticket<T>, usedMs: number): void {
    if (ticket.queue !== undefined) return;
    this.begin(ticket);
    ticket.turn += Math.min(usedMs, chargeMsMax);
  }

  #rise(ticket: Ticket<T>): void {
    while (ticket.place > 0) {
      const above = this.#heap[(ticket.place - 1) >> 1];
      if (above === undefined || !isBefore(ticket, above)) return;
      this.#swap(ticket, above);
    }
  }

  #sink(ticket: Ticket<T>): void {
    for (;;) {
      const left = this.#heap[2 * ticket.place + 1];
      const right = this.#heap[2 * ticket.place + 2];
      const least = left !== undefined && right !== undefined && isBefore(right, left) ? right : left;
      if (least === undefined || !isBefore(least, ticket)) return;
      this.#swap(least, ticket);
    }
  }

  #swap(a: Ticket<T>, b: Ticket<T>): void {
    const place = a.place;
    a.place = b.place;
    b.place = place;
    this.#heap[a.place] = a;
    this.#heap[b.place] = b;
  }
}

function isBefore<T>(a: Ticket<T>, b: Ticket<T>): boolean {
  return a.turn === b.turn ? a.arrival < b.arrival : a.turn < b.turn;
}
