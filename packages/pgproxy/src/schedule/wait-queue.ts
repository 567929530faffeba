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
}

export function createTicket<T>(owner: T): Ticket<T> {
  return { owner, queue: undefined, sinceMs: 0, previous: undefined, next: undefined };
}

/** First in, first out; leaving from the middle takes constant time. */
export class WaitQueue<T> {
  size = 0;
  #first: Ticket<T> | undefined;
  #last: Ticket<T> | undefined;

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
  }

  shift(): Ticket<T> | undefined {
    const ticket = this.#first;
    if (ticket !== undefined) this.remove(ticket);
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
  }
}
