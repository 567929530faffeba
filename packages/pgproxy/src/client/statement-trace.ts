import type { Statement } from '../prepared/statements.ts';

const shownCharacters = 80;
/** Kept of a query text: enough for what is shown after comments and literals have shrunk. */
const keptBytes = 240;

/**
 * The statement a client sent last, kept as raw bytes or by reference so that noting it costs next to nothing.
 * Only `text` looks inside, and never lets a literal out.
 */
export class StatementTrace {
  #bytes: Buffer | undefined;
  #length = 0;
  #statement: Statement | undefined;

  /** Notes the text in `buffer[start, end)`, up to its zero byte if there is one. */
  note(buffer: Buffer, start: number, end: number): void {
    this.#statement = undefined;
    this.#bytes ??= Buffer.allocUnsafe(keptBytes);
    this.#length = buffer.copy(this.#bytes, 0, start, Math.min(end, start + keptBytes));
  }

  noteStatement(statement: Statement): void {
    this.#statement = statement;
  }

  /** The statement's first 80 characters, literals replaced by `?`. */
  get text(): string {
    const statement = this.#statement;
    if (statement === undefined) {
      const [text = ''] = (this.#bytes?.toString('utf8', 0, this.#length) ?? '').split('\0');
      return withoutLiterals(text);
    }
    const start = 5 + statement.nameBytes.length;
    const end = Math.min(statement.parse.indexOf(0, start), start + keptBytes);
    return withoutLiterals(statement.parse.toString('utf8', start, end));
  }
}

const token =
  /\$([A-Za-z_]\w*)?\$[\s\S]*?(?:\$\1\$|$)|\b[eE]'(?:\\[\s\S]|''|[^'\\])*(?:'|\\?$)|(?:\b[uU]&|\b[bBxXnN])?'(?:''|[^'])*(?:'|$)|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|"(?:""|[^"])*(?:"|$)|\$\d+|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|\d[\w.]*|\.\d[\w.]*|\s+|[\s\S]/g;

/** SQL with literals and numbers as `?`, without comments, on one line, cut to 80 characters. A cut literal is gone too. */
export function withoutLiterals(sql: string): string {
  let out = '';
  for (const [piece] of sql.matchAll(token)) {
    if (out.length > shownCharacters) break;
    out += shown(piece);
  }
  return out.replaceAll(/\s+/g, ' ').trim().slice(0, shownCharacters);
}

function shown(piece: string): string {
  if (piece.startsWith('--') || piece.startsWith('/*') || /^\s/.test(piece)) return ' ';
  if (/^\$\d+$/.test(piece) || piece.startsWith('"')) return piece;
  if (/^(?:[A-Za-z]&?)?'/.test(piece) || /^[.\d]/.test(piece)) return piece === '.' ? '.' : '?';
  return piece.length > 1 && piece.startsWith('$') ? '?' : piece;
}
