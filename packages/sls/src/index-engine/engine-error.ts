import { type SlsError, slsErrors } from '@sampan/sls-wire';
import { sqlRuntimeError } from '../query/query-error.ts';
import { raisedMark } from '../query/sql-text.ts';

/** What DuckDB says, in the service's words. Names of our tables and columns do not leave. */
export function queryFailure(message: string): SlsError {
  const raised = new RegExp(`Could not convert string '${raisedMark}(.*)' to INT64`, 's').exec(message)?.[1];
  if (raised !== undefined) return sqlRuntimeError(raised);
  const castText = /Could not convert string '(.*)' to (\w+)/s.exec(message);
  if (castText !== null)
    return sqlRuntimeError(`Cannot cast '${castText[1]}' to ${typeName(castText[2] ?? '')}`);
  if (/^Out of Memory Error/.test(message)) return sqlRuntimeError('Query exceeded max memory size of 3GB');
  if (/^Out of Range Error: Overflow in (\w+)/.test(message)) {
    const operation = /Overflow in (\w+)/.exec(message)?.[1] ?? 'arithmetic';
    return sqlRuntimeError(`bigint ${operation} overflow`);
  }
  if (/^(Conversion|Out of Range|Invalid Input) Error/.test(message))
    return sqlRuntimeError(firstLine(message));
  if (/regular expression|regex/i.test(message)) return sqlRuntimeError(firstLine(message));
  if (/^Binder Error/.test(message))
    return sqlRuntimeError(`Unexpected parameters: ${withoutCandidates(message)}`);
  return slsErrors.internalServerError();
}

/** Whether the failure is the emulator's own, so that its log should have the engine's words. */
export function isInternal(error: SlsError): boolean {
  return error.status >= 500;
}

function firstLine(message: string): string {
  return (message.split('\n', 1)[0] ?? '').replace(/^[A-Z][\w ]* Error: /, '');
}

function withoutCandidates(message: string): string {
  return firstLine(message).replace(/\b[rq]\d+\.[fkaz]\d+\b/g, 'column');
}

function typeName(engineName: string): string {
  return { INT64: 'BIGINT', INT32: 'INTEGER', BOOL: 'BOOLEAN' }[engineName] ?? engineName;
}
