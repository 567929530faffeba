import { slsErrors } from '@sampan/sls-wire';

/** The parts of a GetLogs query. */
export interface QueryStatement {
  /** Everything before the first `|`, trimmed; empty means no filter. */
  readonly search: string;
  /** The SQL behind it, trimmed, without its `set session`; undefined when there is none. */
  readonly sql: string | undefined;
  /** `| with_pack_meta`: the logs are wanted with their places in the log. */
  readonly hasPackMeta?: boolean;
}

const sessionPattern = /^set\s+session\s+(\w+)\s*=\s*('?)([\w.-]+)\2\s*;\s*/i;

/** Session settings that change how fast an answer comes, not what it is. */
const harmlessSettings = new Set(['parallel_sql', 'max_executions_per_second', 'query_max_run_time']);

/** Splits `search | sql`. Throws the vendor's error for what is neither, and for SPL and scan mode. */
export function splitStatement(query: string): QueryStatement {
  const pipe = firstPipe(query);
  if (pipe < 0) {
    if (/^\s*(select|with)\s.*\bfrom\s/is.test(query)) {
      throw slsErrors.parameterInvalid('sql query must follow search query,please read syntax doc');
    }
    return { search: query.trim(), sql: undefined };
  }
  const search = query.slice(0, pipe).trim();
  const rest = withoutSession(query.slice(pipe + 1).trim());
  if (rest === '')
    throw slsErrors.parameterInvalid('sql query must follow search query,please read syntax doc');
  if (/^with_pack_meta$/i.test(rest)) return { search, sql: undefined, hasPackMeta: true };
  if (/^(select|with|values)\b|^\(/i.test(rest)) return { search, sql: rest };
  const [command = rest] = rest.split(/\s/, 1);
  if (
    /^(where|extend|project|parse-|expand-values|pack-fields|stats|sort|limit|make-series|render|\.let)/i.test(
      rest,
    )
  ) {
    throw slsErrors.notSupported(`SPL is not supported by this emulator: ${command}`);
  }
  throw slsErrors.parameterInvalid(
    `ErrorType:SyntaxError.ErrorPosition,line:1,column:1.ErrorMessage:line 1:1: mismatched input '${command.slice(0, 64)}'. Expecting: 'SELECT', 'WITH'`,
  );
}

function withoutSession(text: string): string {
  let rest = text;
  for (let match = sessionPattern.exec(rest); match !== null; match = sessionPattern.exec(rest)) {
    const [whole, name = '', , value = ''] = match;
    if (!harmlessSettings.has(name.toLowerCase())) {
      throw slsErrors.notSupported(`set session ${name}=${value} is not supported by this emulator`);
    }
    rest = rest.slice(whole.length);
  }
  return rest;
}

/** The first `|` outside double quotes. */
function firstPipe(query: string): number {
  let isQuoted = false;
  for (let at = 0; at < query.length; at += 1) {
    const char = query.charAt(at);
    if (char === '\\') at += 1;
    else if (char === '"') isQuoted = !isQuoted;
    else if (char === '|' && !isQuoted) return at;
  }
  return -1;
}
