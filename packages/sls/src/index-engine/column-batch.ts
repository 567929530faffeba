import type { Log, LogGroup, LogValue } from '@sampan/sls-wire';

/** Between the values of a column; a value that holds it or the mark is escaped. */
const separator = '\x1f';
/** Alone: no value. In a value: the escape character. */
const mark = '\x1e';

/** Where a log stands in its shard. */
export interface LogPlace {
  readonly shard: number;
  readonly position: number;
  readonly receivedAtMs: number;
}

/** One column's values as one text, ready to be split by the index engine. */
export interface JoinedColumn {
  readonly text: string;
  /** Some log has no value. */
  readonly hasGaps: boolean;
  /** Some value holds a separator, so the engine has to undo the escapes. */
  readonly isEscaped: boolean;
}

/** Cuts a joined text into one row per value; `parameter` is the engine's placeholder for it. */
export function splitTextsSql(parameter: string): string {
  return `unnest(string_split(${parameter}, chr(31)))`;
}

/** Cuts a joined column of numbers. */
export function splitNumbersSql(parameter: string): string {
  return `unnest(CAST(string_split(${parameter}, ',') AS BIGINT[]))`;
}

/**
 * Turns a cut piece back into the value. It must stand in a SELECT around the one that cuts: in the same one the
 * engine cuts anew for each mention, which was five times slower.
 */
export function valueOfPieceSql(piece: string, column: JoinedColumn): string {
  const value = column.hasGaps ? `CASE WHEN ${piece} <> chr(30) THEN ${piece} END` : piece;
  if (!column.isEscaped) return value;
  return `replace(replace(${value}, chr(30) || 'U', chr(31)), chr(30) || 'R', chr(30))`;
}

/** Names of a log table's numeric columns, in the order in which a batch gives them. */
export const numericColumns = ['t', 'ns', 'received', 'shard', 'position', 'sequence'] as const;

/** Values of one column, one per row up to the last that was set. */
export class TextColumn {
  readonly #values: string[] = [];
  #hasGaps = false;
  #isEscaped = false;

  set(row: number, value: string): void {
    const values = this.#values;
    this.#fill(row);
    if (value.includes(mark) || value.includes(separator)) {
      this.#isEscaped = true;
      values[row] = value.replaceAll(mark, `${mark}R`).replaceAll(separator, `${mark}U`);
    } else {
      values[row] = value;
    }
  }

  /** The value of a row as it was set; undefined where there is none. */
  value(row: number): string | undefined {
    const value = this.#values[row];
    if (value === undefined || value === mark) return undefined;
    return this.#isEscaped ? value.replaceAll(`${mark}U`, separator).replaceAll(`${mark}R`, mark) : value;
  }

  join(rows: number): JoinedColumn {
    this.#fill(rows);
    return { text: this.#values.join(separator), hasGaps: this.#hasGaps, isEscaped: this.#isEscaped };
  }

  #fill(rows: number): void {
    while (this.#values.length < rows) {
      this.#hasGaps = true;
      this.#values.push(mark);
    }
  }
}

/** Decoded logs of one logstore, column by column. */
export class ColumnBatch {
  readonly #numbers: number[][] = numericColumns.map(() => []);
  readonly #source = new TextColumn();
  readonly #topic = new TextColumn();
  readonly #overflow = new TextColumn();
  readonly #columns = new Map<string, TextColumn>();
  readonly #known: ReadonlySet<string>;
  readonly #columnsMax: number;
  #hasOverflow = false;
  #rows = 0;

  /**
   * @param known keys that have a column already
   * @param columnsMax how many keys may have a column; further ones go to the overflow object
   */
  constructor(known: ReadonlySet<string>, columnsMax: number) {
    this.#known = known;
    this.#columnsMax = columnsMax;
  }

  get rows(): number {
    return this.#rows;
  }

  add(group: LogGroup, place: LogPlace): void {
    const tags = group.tags.map(([key, value]) => [`__tag__:${key}`, value] as const);
    group.logs.forEach((log, sequence) => {
      this.#addLog(group, log, place, sequence, tags);
    });
  }

  /** The numeric columns, in the order of `numericColumns`. */
  numbers(): readonly (readonly number[])[] {
    return this.#numbers;
  }

  /** The text columns every log table has. */
  source(): TextColumn {
    return this.#source;
  }

  topic(): TextColumn {
    return this.#topic;
  }

  /** JSON objects of the keys without a column; undefined when there are none. */
  overflow(): TextColumn | undefined {
    return this.#hasOverflow ? this.#overflow : undefined;
  }

  columns(): ReadonlyMap<string, TextColumn> {
    return this.#columns;
  }

  #addLog(
    group: LogGroup,
    log: Log,
    place: LogPlace,
    sequence: number,
    tags: readonly (readonly [string, LogValue])[],
  ): void {
    const row = this.#rows;
    const numbers = [log.time, log.timeNs ?? 0, place.receivedAtMs, place.shard, place.position, sequence];
    numbers.forEach((value, index) => {
      this.#numbers[index]?.push(value);
    });
    this.#source.set(row, group.source);
    this.#topic.set(row, group.topic);
    let rest: Record<string, string> | undefined;
    for (const pairs of [tags, log.contents]) {
      for (const [key, value] of pairs) {
        const column = this.#column(key);
        const text = typeof value === 'string' ? value : Buffer.from(value).toString('utf8');
        if (column !== undefined) column.set(row, text);
        else {
          rest ??= {};
          Object.defineProperty(rest, key, {
            value: text,
            enumerable: true,
            configurable: true,
            writable: true,
          });
        }
      }
    }
    if (rest !== undefined) {
      this.#hasOverflow = true;
      this.#overflow.set(row, JSON.stringify(rest));
    }
    this.#rows += 1;
  }

  #column(key: string): TextColumn | undefined {
    const existing = this.#columns.get(key);
    if (existing !== undefined) return existing;
    if (!this.#known.has(key)) {
      let fresh = 0;
      for (const name of this.#columns.keys()) if (!this.#known.has(name)) fresh += 1;
      if (this.#known.size + fresh >= this.#columnsMax) return undefined;
    }
    const column = new TextColumn();
    this.#columns.set(key, column);
    return column;
  }
}
