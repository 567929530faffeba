import { slsErrors } from '@sampan/sls-wire';
import { type ContextLog, findContext } from '../consumer/context-logs.ts';
import { decodePackMeta, encodePackMeta } from '../consumer/pack-meta.ts';
import { type Call, logstoreOf, type Operation } from './operation.ts';
import { jsonReply } from './reply.ts';
import { integerParameter, parameter } from './request.ts';

const linesMax = 100;

export const getContextLogs: Operation = {
  name: 'GetContextLogs',
  async run(call) {
    const { project, logstore } = logstoreOf(call);
    const { shards } = call.backend.view(project, logstore);
    const meta = decodePackMeta(parameter(call.request, 'pack_meta') ?? '');
    if (meta === undefined) throw slsErrors.parameterInvalid('pack_meta is invalid');
    const found = await findContext(call.backend.finder, {
      shards,
      meta,
      packId: parameter(call.request, 'pack_id') ?? '',
      backLines: linesOf(call, 'back_lines'),
      forwardLines: linesOf(call, 'forward_lines'),
    });
    return jsonReply({
      progress: 'Complete',
      total_lines: found.length,
      back_lines: found.filter((log) => log.distance < 0).length,
      forward_lines: found.filter((log) => log.distance > 0).length,
      logs: found.map(rowOf),
    });
  },
};

function linesOf(call: Call, name: string): number {
  const lines = integerParameter(call.request, name) ?? 0;
  if (lines < 0 || lines > linesMax) {
    throw slsErrors.parameterInvalid(`${name} must be within range [0, ${linesMax}]`);
  }
  return lines;
}

/** The log as GetLogs shows it, with its distance. */
function rowOf(found: ContextLog): Record<string, string> {
  const { group, index, distance } = found;
  const log = group.logs[index];
  const pairs = [
    ...group.tags.map(([key, value]) => [`__tag__:${key}`, value] as const),
    ...(log?.contents ?? []),
  ];
  return {
    ...Object.fromEntries(
      pairs.map(([key, value]) => [
        key,
        typeof value === 'string' ? value : Buffer.from(value).toString('utf8'),
      ]),
    ),
    __time__: String(log?.time ?? 0),
    __source__: group.source,
    __topic__: group.topic,
    ...(log?.timeNs === undefined ? {} : { __time_ns_part__: String(log.timeNs) }),
    __pack_meta__: encodePackMeta(found),
    __index_number__: String(distance),
  };
}
