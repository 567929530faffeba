import { decodeLogGroup, type LogGroup, slsErrors } from '@sampan/sls-wire';
import type { RecordFinder } from '../storage/record-finder.ts';
import type { SegmentRecord } from '../storage/segment-reader.ts';
import type { ShardEnd } from '../storage/store.ts';
import { type PackMeta, parsePackId } from './pack-meta.ts';

/** A log in its group. */
export interface ContextLog extends PackMeta {
  readonly group: LogGroup;
  /** 0 is the log asked for; those before it count down from -1. */
  readonly distance: number;
}

export interface ContextRequest {
  readonly shards: readonly ShardEnd[];
  readonly meta: PackMeta;
  readonly packId: string;
  readonly backLines: number;
  readonly forwardLines: number;
}

/** Groups looked at in each direction of each shard, a part at a time. */
const groupsMax = 2000;
const groupsAtOnce = 200;
const bytesAtOnce = 4 * 1024 * 1024;

interface Member {
  readonly shard: number;
  readonly position: number;
  readonly group: LogGroup;
  /** Number of the group at its producer; 0 when it has none. */
  readonly number: bigint;
}

/**
 * The logs that one producer sent before and after a log. A producer numbers its groups and spreads them over the
 * shards, so every shard is searched around the time of the log. Groups that carry no number belong together when
 * they are in one shard and have the same source and topic.
 */
export async function findContext(finder: RecordFinder, request: ContextRequest): Promise<ContextLog[]> {
  const { meta, shards, backLines, forwardLines } = request;
  const home = shards.find((shard) => shard.shard === meta.shard);
  const [record] =
    home === undefined || meta.position >= home.end
      ? []
      : await finder.read(home, { from: meta.position, recordsMax: 1, bytesMax: 1 });
  const center = record?.position === meta.position ? memberOf(meta.shard, record) : undefined;
  if (record === undefined || center === undefined || meta.index >= center.group.logs.length) {
    throw slsErrors.parameterInvalid('pack_meta is invalid');
  }
  const isNumbered = packIdOf(center.group) !== undefined;
  if (isNumbered && instanceOf(center.group) !== parsePackId(request.packId)?.instance) {
    throw slsErrors.parameterInvalid('pack_id is invalid');
  }
  const belongs = (group: LogGroup): boolean =>
    isNumbered
      ? instanceOf(group) === instanceOf(center.group)
      : packIdOf(group) === undefined &&
        group.source === center.group.source &&
        group.topic === center.group.topic;

  const members: Member[] = [center];
  for (const shard of shards) {
    if (!isNumbered && shard !== home) continue;
    const middle = shard === home ? meta.position : await finder.positionAt(shard, record.receivedAtMs);
    const search = { finder, shard, belongs };
    members.push(...(await membersBefore(search, middle, backLines)));
    members.push(...(await membersFrom(search, shard === home ? middle + 1 : middle, forwardLines)));
  }
  return linesAround(members.sort(inOrder), request);
}

interface Search {
  readonly finder: RecordFinder;
  readonly shard: ShardEnd;
  belongs(group: LogGroup): boolean;
}

async function membersBefore(search: Search, position: number, lines: number): Promise<Member[]> {
  const found: Member[] = [];
  const begin = Math.max(await search.finder.begin(search.shard), position - groupsMax);
  for (let to = position; to > begin && countLines(found) < lines; ) {
    const from = Math.max(begin, to - groupsAtOnce);
    found.push(...(await membersIn(search, from, to)));
    to = from;
  }
  return found;
}

async function membersFrom(search: Search, position: number, lines: number): Promise<Member[]> {
  const found: Member[] = [];
  const end = Math.min(search.shard.end, position + groupsMax);
  for (let from = position; from < end && countLines(found) < lines; ) {
    const to = Math.min(end, from + groupsAtOnce);
    found.push(...(await membersIn(search, from, to)));
    from = to;
  }
  return found;
}

async function membersIn({ finder, shard, belongs }: Search, from: number, to: number): Promise<Member[]> {
  const found: Member[] = [];
  for (let next = from; next < to; ) {
    const range = { from: next, to, recordsMax: groupsAtOnce, bytesMax: bytesAtOnce };
    const records = await finder.read(shard, range);
    for (const record of records) {
      const member = memberOf(shard.shard, record);
      if (belongs(member.group)) found.push(member);
    }
    const last = records.at(-1);
    if (last === undefined) break;
    next = last.position + 1;
  }
  return found;
}

function memberOf(shard: number, record: SegmentRecord): Member {
  const group = decodeLogGroup(record.bytes);
  const number = parsePackId(packIdOf(group) ?? '')?.number ?? 0n;
  return { shard, position: record.position, group, number };
}

function packIdOf(group: LogGroup): string | undefined {
  const value = group.tags.find(([key]) => key === '__pack_id__')?.[1];
  return typeof value === 'string' ? value : undefined;
}

function instanceOf(group: LogGroup): string | undefined {
  return parsePackId(packIdOf(group) ?? '')?.instance;
}

function countLines(members: readonly Member[]): number {
  return members.reduce((sum, member) => sum + member.group.logs.length, 0);
}

function inOrder(a: Member, b: Member): number {
  if (a.number !== b.number) return a.number < b.number ? -1 : 1;
  return a.shard - b.shard || a.position - b.position;
}

function linesAround(members: readonly Member[], request: ContextRequest): ContextLog[] {
  const { meta, backLines, forwardLines } = request;
  const lines = members.flatMap(({ shard, position, group }) =>
    group.logs.map((_log, index) => ({ shard, position, group, index, logsInGroup: group.logs.length })),
  );
  const middle = lines.findIndex(
    (line) => line.shard === meta.shard && line.position === meta.position && line.index === meta.index,
  );
  const from = Math.max(0, middle - backLines);
  return lines
    .slice(from, middle + forwardLines + 1)
    .map((line, index) => ({ ...line, distance: from + index - middle }));
}
