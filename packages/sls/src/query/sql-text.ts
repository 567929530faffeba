/** A string literal of the index engine. NUL ends its statements, so it is spelled out. */
export function sqlString(text: string): string {
  if (!text.includes('\0')) return `'${text.replaceAll("'", "''")}'`;
  return `(${text.split('\0').map(sqlString).join(' || chr(0) || ')})`;
}

/** Begins the message of a failure that a statement raises itself. */
export const raisedMark = 'sls: ';

/**
 * An expression that ends the statement with `message` when it is evaluated. A failing cast, because the
 * engine's own `error()` counts as volatile and may not stand inside TRY.
 */
export function raise(message: string, engineType = 'BIGINT'): string {
  return raiseText(sqlString(message), engineType);
}

/** Like `raise` with a message that is itself an expression. */
export function raiseText(message: string, engineType = 'BIGINT'): string {
  const failing = `CAST(concat('${raisedMark}', ${message}) AS BIGINT)`;
  return engineType === 'BIGINT' ? failing : `CAST(${failing} AS ${engineType})`;
}
