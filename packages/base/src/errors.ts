/** Who has to act: the user (exit 2), the environment's owner (exit 3), or us (exit 70). */
export type ErrorFamily = 'user' | 'environment' | 'bug';

/** One row of a package's error table. `summary` is the sentence that docs/errors.md lists. */
export interface ErrorSpec {
  readonly family: ErrorFamily;
  readonly summary: string;
}

export interface ErrorDetail {
  /** What failed, with the offending value and its place. */
  readonly message: string;
  /** What to do now, naming the option or command. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** The only error class thrown on purpose. Its code stands in a table and in docs/errors.md. */
export class SampanError extends Error {
  override readonly name = 'SampanError';
  readonly code: string;
  readonly family: ErrorFamily;
  readonly hint: string | undefined;

  constructor(code: string, family: ErrorFamily, detail: ErrorDetail) {
    super(detail.message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.family = family;
    this.hint = detail.hint;
  }
}

/** A package's closed set of error codes. */
export interface ErrorTable<Code extends string> {
  readonly specs: Readonly<Record<Code, ErrorSpec>>;
  /** Builds the error; the caller throws it. */
  create(code: Code, detail: ErrorDetail): SampanError;
}

/** Declares a package's error table. Codes are upper-case words that begin with the package's name. */
export function defineErrors<const Code extends string>(
  specs: Readonly<Record<Code, ErrorSpec>>,
): ErrorTable<Code> {
  return {
    specs,
    create: (code, detail) => new SampanError(code, specs[code].family, detail),
  };
}

/** Process exit code of an error: 2 user, 3 environment, 70 anything else. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof SampanError)) return 70;
  return { user: 2, environment: 3, bug: 70 }[error.family];
}

/** The text of anything thrown, without its stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a Node system error (`EADDRINUSE`), if it has one. */
export function systemCodeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
