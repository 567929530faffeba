import { PgError } from './pg-error.ts';
import type { Token } from './statement-lexer.ts';

/**
 * A statement that controls transactions. There are none: each INSERT is durable when it is answered, and what
 * these statements change is only the state that ReadyForQuery reports, which drivers keep track of.
 */
export interface TransactionStatement {
  readonly kind: 'transaction';
  readonly tag: string;
  /** `begin` enters a block, `end` leaves it, `inside` makes sense within one. */
  readonly effect: 'begin' | 'end' | 'inside';
}

/** Recognises BEGIN, COMMIT, ROLLBACK and their relatives; `undefined` when the statement is none of them. */
export function parseTransaction(tokens: readonly Token[]): TransactionStatement | undefined {
  const [first, second, third] = tokens.map((token) => (token.kind === 'word' ? token.text : ''));
  switch (first) {
    case 'begin':
      return { kind: 'transaction', tag: 'BEGIN', effect: 'begin' };
    case 'start':
      return second === 'transaction'
        ? { kind: 'transaction', tag: 'START TRANSACTION', effect: 'begin' }
        : undefined;
    case 'commit':
    case 'end':
      refuseTwoPhase(tokens);
      return { kind: 'transaction', tag: 'COMMIT', effect: 'end' };
    case 'rollback':
    case 'abort': {
      refuseTwoPhase(tokens);
      const isPartial =
        second === 'to' || ((second === 'work' || second === 'transaction') && third === 'to');
      return { kind: 'transaction', tag: 'ROLLBACK', effect: isPartial ? 'inside' : 'end' };
    }
    case 'savepoint':
      return { kind: 'transaction', tag: 'SAVEPOINT', effect: 'inside' };
    case 'release':
      return { kind: 'transaction', tag: 'RELEASE', effect: 'inside' };
    default:
      return undefined;
  }
}

function refuseTwoPhase(tokens: readonly Token[]): void {
  const prepared = tokens[1];
  if (prepared?.kind !== 'word' || prepared.text !== 'prepared') return;
  throw new PgError('0A000', 'two-phase commit is not supported over the PostgreSQL protocol', {
    at: prepared.start,
  });
}
