import { type SlsError, slsErrors } from '@sampan/sls-wire';

/** Line and column, both from 1, of an offset in `text`. */
export function placeOf(text: string, at: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, at);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: at - lineStart + 1 };
}

/** The vendor's syntax error of the search part; columns count from 1. */
export function searchSyntaxError(
  text: string,
  span: { readonly at: number; readonly end: number },
): SlsError {
  const near = text.slice(span.at, span.end);
  return slsErrors.parameterInvalid(
    `ErrorType:QueryParseError.ErrorMessage:syntax error error position is from column:${span.at + 1} to ` +
      `column:${Math.max(span.end, span.at + 1)},error near < ${near === '' ? 'end of query' : near.slice(0, 64)} >`,
  );
}

/** A refusal of the search part that names its place but not a syntax rule. */
export function searchError(text: string, at: number, message: string): SlsError {
  const { line, column } = placeOf(text, at);
  return slsErrors.parameterInvalid(
    `ErrorType:QueryParseError.ErrorPosition,line:${line},column:${column}.ErrorMessage:${message}`,
  );
}

/** The vendor's sentence for a field that has no index of its own. */
export function keyNotIndexed(key: string): SlsError {
  return slsErrors.parameterInvalid(
    `key (${key}) is not config as key value config,if symbol : is in your log,please wrap : with quotation mark "`,
  );
}

/** The vendor's sentence for a numeric condition on a field that is not indexed as a number. */
export function keyNotNumeric(key: string): SlsError {
  return slsErrors.parameterInvalid(`key ('${key}') is not config as numberic column`);
}

/** SQL that does not follow the grammar, in the words of the service's SQL engine. */
export function sqlSyntaxError(sql: string, at: number, message: string): SlsError {
  const { line, column } = placeOf(sql, at);
  return slsErrors.parameterInvalid(
    `ErrorType:SyntaxError.ErrorPosition,line:${line},column:${column}.ErrorMessage:line ${line}:${column}: ${message}`,
  );
}

/** SQL that is well formed but means nothing here. */
export function sqlError(sql: string, at: number, message: string): SlsError {
  const { line, column } = placeOf(sql, at);
  return slsErrors.parameterInvalid(`line ${line}:${column}: ${message}`);
}

/** A failure while the statement ran; the engine gives no position then. */
export function sqlRuntimeError(message: string): SlsError {
  return slsErrors.parameterInvalid(message);
}
