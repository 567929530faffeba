import type { IndexConfig } from '../catalog/index-config.ts';
import { doubleOfText, type LogSource, logColumns, longOfText, textOfKey } from './log-source.ts';
import { jsonLeafText } from './search-translate.ts';
import type { LogField } from './sql-bound-query.ts';
import { bigint, double, type SqlType, varchar } from './sql-type.ts';

/**
 * The columns a logstore has for SQL: indexed fields with analytics switched on, in the order of the index, then
 * the reserved ones. A field that no log has is a column of NULLs.
 */
export function logFields(index: IndexConfig, source: LogSource): LogField[] {
  const fields: LogField[] = [];
  const hasName = (name: string): boolean => fields.some((field) => field.name === name);
  for (const [key, settings] of Object.entries(index.keys)) {
    if (/^__time_?_ns_part__$/.test(key)) {
      fields.push({
        name: key,
        type: bigint,
        value: `CAST(${logColumns.timeNs} AS BIGINT)`,
        isInStar: false,
      });
      continue;
    }
    const text = textOfKey(source, key);
    if (settings.doc_value === true) {
      fields.push({ name: settings.alias || key, ...typed(text, settings.type), isInStar: true });
    }
    for (const [path, leaf] of Object.entries(settings.json_keys ?? {})) {
      if (leaf.doc_value !== true) continue;
      const leafText = text === undefined ? undefined : jsonLeafText(text, path);
      fields.push({ name: leaf.alias || `${key}.${path}`, ...typed(leafText, leaf.type), isInStar: false });
    }
  }
  const reserved: LogField[] = [
    { name: '__time__', type: bigint, value: logColumns.time, isInStar: true },
    { name: '__source__', type: varchar, value: logColumns.source, isInStar: true },
    { name: '__topic__', type: varchar, value: logColumns.topic, isInStar: true },
  ];
  for (const [key, column] of source.columns) {
    if (key.startsWith('__tag__:'))
      reserved.push({ name: key, type: varchar, value: column, isInStar: false });
  }
  return [...fields, ...reserved.filter((field) => !hasName(field.name))];
}

function typed(
  text: string | undefined,
  type: 'text' | 'long' | 'double' | 'json',
): { type: SqlType; value: string } {
  if (type === 'long')
    return { type: bigint, value: text === undefined ? 'CAST(NULL AS BIGINT)' : longOfText(text) };
  if (type === 'double')
    return { type: double, value: text === undefined ? 'CAST(NULL AS DOUBLE)' : doubleOfText(text) };
  return { type: varchar, value: text ?? 'CAST(NULL AS VARCHAR)' };
}
