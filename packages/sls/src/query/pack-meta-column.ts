import { encodePackMeta } from '../consumer/pack-meta.ts';
import { logColumns } from './log-source.ts';
import { bigint, type SqlType } from './sql-type.ts';

/** Where a log stands in the log of its logstore. */
export interface LogPlace {
  readonly shard: number;
  readonly position: number;
  readonly index: number;
}

/** The `__pack_meta__` of logs; the sizes of their groups are counted in one more statement. */
export async function packMetasOf(
  places: readonly LogPlace[],
  target: {
    readonly source: { readonly table: string };
    run(sql: string, types: readonly SqlType[]): Promise<(string | null)[][]>;
  },
): Promise<string[]> {
  if (places.length === 0) return [];
  const { shard, position } = logColumns;
  const wanted = places.map((place) => `(${place.shard}, ${place.position})`).join(', ');
  const counts = await target.run(
    `SELECT ${shard}, ${position}, count(*) FROM ${target.source.table} WHERE (${shard}, ${position}) IN (${wanted}) GROUP BY ALL`,
    [bigint, bigint, bigint],
  );
  const sizes = new Map(counts.map(([inShard, at, count]) => [`${inShard} ${at}`, Number(count)]));
  return places.map((place) =>
    encodePackMeta({ ...place, logsInGroup: sizes.get(`${place.shard} ${place.position}`) ?? 1 }),
  );
}
