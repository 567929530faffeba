import { slsErrors } from '@sampan/sls-wire';
import type { FaultInjection, FaultRule } from '../faults/faults.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { emptyReply, jsonReply, type Reply } from './reply.ts';

/** The emulator's own endpoints live below this path, on every host, unsigned. */
export const adminPrefix = '/__sampan__/';

export interface AdminRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
  readonly clientAddress: string | undefined;
}

export interface AdminParts {
  readonly faults: FaultInjection;
  readonly metrics: Metrics;
  /** Why it cannot serve at the moment; `undefined` when it can. */
  readonly unreadyReason: () => string | undefined;
}

/** Answers what does not belong to the log API: health, readiness, metrics, faults. */
export function createAdmin(parts: AdminParts): (request: AdminRequest) => Reply {
  return (request) => {
    const name = request.path.slice(adminPrefix.length);
    if (request.method === 'GET') {
      if (name === 'health') return jsonReply({ status: 'ok' });
      if (name === 'ready') return readiness(parts.unreadyReason());
      if (name === 'metrics') return textReply(parts.metrics.text());
    }
    const fault = /^faults(?:\/(\d+))?$/.exec(name);
    if (fault === null) throw slsErrors.notEmulated(`${request.method} ${request.path}`);
    checkTrusted(request);
    return answerFaults(parts.faults, request, fault[1] === undefined ? undefined : Number(fault[1]));
  };
}

function readiness(reason: string | undefined): Reply {
  if (reason === undefined) return jsonReply({ status: 'ready' });
  return { ...jsonReply({ status: 'unready', reason }), status: 503 };
}

function textReply(text: string): Reply {
  return { status: 200, headers: { 'content-type': 'text/plain; version=0.0.4' }, body: Buffer.from(text) };
}

function answerFaults(faults: FaultInjection, request: AdminRequest, id: number | undefined): Reply {
  const { method } = request;
  if (method === 'GET' && id === undefined) return jsonReply({ faults: faults.list() });
  if (method === 'POST' && id === undefined) return jsonReply(faults.add(parseRule(request.body)));
  if (method === 'DELETE' && id === undefined) {
    faults.clear();
    return emptyReply;
  }
  if (method === 'DELETE' && id !== undefined) {
    if (!faults.remove(id)) throw slsErrors.parameterInvalid(`there is no fault ${id}`);
    return emptyReply;
  }
  throw slsErrors.notEmulated(`${method} ${request.path}`);
}

/** `add` checks the rule. */
function parseRule(body: Buffer): FaultRule {
  try {
    return JSON.parse(body.toString('utf8')) as FaultRule;
  } catch {
    throw slsErrors.postBodyNotJson();
  }
}

/** Faults are set without a key, so only from this machine, and not by a web page that its browser shows. */
function checkTrusted({ clientAddress = '', headers }: AdminRequest): void {
  const isLocal = /^(::1$|127\.|::ffff:127\.)/.test(clientAddress);
  if (isLocal && headers['origin'] === undefined) return;
  throw slsErrors.notSupported('faults are taken from this machine only, and not from web pages');
}
