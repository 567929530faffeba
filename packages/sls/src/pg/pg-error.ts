export interface PgErrorDetail {
  readonly detail?: string;
  readonly hint?: string;
  /** Where in the statement text, as a UTF-16 index. */
  readonly at?: number;
}

/** An error in PostgreSQL's vocabulary: what an ErrorResponse carries to the client. */
export class PgError extends Error {
  override readonly name = 'PgError';
  readonly sqlstate: string;
  readonly detail: string | undefined;
  readonly hint: string | undefined;
  readonly at: number | undefined;

  constructor(sqlstate: string, message: string, detail: PgErrorDetail = {}) {
    super(message);
    this.sqlstate = sqlstate;
    this.detail = detail.detail;
    this.hint = detail.hint;
    this.at = detail.at;
  }
}

/** PostgreSQL's two syntax error sentences; `near` is absent at the end of the text. */
export function syntaxError(near: { readonly source: string; readonly start: number } | undefined): PgError {
  if (near === undefined) return new PgError('42601', 'syntax error at end of input');
  return new PgError('42601', `syntax error at or near "${excerpt(near.source)}"`, { at: near.start });
}

/** The beginning of a text that goes into a message; whole payloads do not belong there. */
export function excerpt(text: string): string {
  return text.length <= 64 ? text : `${text.slice(0, 64)}…`;
}
