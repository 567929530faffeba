import { type PgTypeName, pgTypes } from './column-types.ts';
import type { SessionFacts } from './session-facts.ts';
import { logstoreSchema, type RelationName } from './statement-names.ts';

export type Cell = string | null;

export interface SystemColumn {
  readonly name: string;
  readonly type: PgTypeName;
}

/** A table of pg_catalog or information_schema, made from the catalogue when it is asked for. */
export interface SystemTable {
  readonly columns: readonly SystemColumn[];
  readonly rows: readonly (readonly Cell[])[];
}

const catalogSchemaOid = '11';
const logstoreSchemaOid = '2200';
const informationSchemaOid = '13000';
const ownerOid = '10';
/** PostgreSQL gives numbers from here on to what users create. */
const firstUserOid = 16_384;

const schemas = [
  [catalogSchemaOid, 'pg_catalog'],
  [logstoreSchemaOid, logstoreSchema],
  [informationSchemaOid, 'information_schema'],
] as const;

/** True for a name that only PostgreSQL's own catalogue can mean. */
export function isSystemRelation(relation: RelationName): boolean {
  if (relation.schema !== undefined) return /^(pg_catalog|information_schema)$/.test(relation.schema);
  return relation.name.startsWith('pg_');
}

/** Builds the table, or returns `undefined` when it is not offered. */
export function systemTable(relation: RelationName, facts: SessionFacts): SystemTable | undefined {
  const key =
    relation.schema === 'information_schema' ? `information_schema.${relation.name}` : relation.name;
  return tables.get(key)?.(facts);
}

type Build = (facts: SessionFacts) => SystemTable;

const tables: ReadonlyMap<string, Build> = new Map<string, Build>([
  ['pg_namespace', pgNamespace],
  ['pg_class', pgClass],
  ['pg_attribute', pgAttribute],
  ['pg_type', pgType],
  ['pg_tables', pgTables],
  ['pg_database', pgDatabase],
  ['pg_am', () => tableOf({ oid: 'oid', amname: 'name' }, [])],
  ['pg_attrdef', () => tableOf({ oid: 'oid', adrelid: 'oid', adnum: 'int2', adbin: 'text' }, [])],
  ['pg_constraint', () => tableOf({ oid: 'oid', conname: 'name', conrelid: 'oid', contype: 'text' }, [])],
  [
    'pg_description',
    () => tableOf({ objoid: 'oid', classoid: 'oid', objsubid: 'int4', description: 'text' }, []),
  ],
  ['information_schema.schemata', schemata],
  ['information_schema.tables', informationTables],
  ['information_schema.columns', informationColumns],
]);

function pgNamespace(): SystemTable {
  return tableOf(
    { oid: 'oid', nspname: 'name', nspowner: 'oid' },
    schemas.map(([oid, name]) => [oid, name, ownerOid]),
  );
}

function pgClass(facts: SessionFacts): SystemTable {
  return tableOf(
    {
      oid: 'oid',
      relname: 'name',
      relnamespace: 'oid',
      reltype: 'oid',
      relowner: 'oid',
      relam: 'oid',
      relkind: 'text',
      relpersistence: 'text',
      relispartition: 'bool',
      relhasindex: 'bool',
      reltuples: 'float4',
    },
    logstores(facts).map((logstore) => [
      logstore.oid,
      logstore.name,
      logstoreSchemaOid,
      '0',
      ownerOid,
      '0',
      'r',
      'p',
      'f',
      'f',
      '-1',
    ]),
  );
}

function pgAttribute(facts: SessionFacts): SystemTable {
  const rows = logstores(facts).flatMap((logstore) =>
    columnsOf(facts, logstore.name).map((column, at) => [
      logstore.oid,
      column.name,
      String(pgTypes[column.type].typeOid),
      String(at + 1),
      'f',
      'f',
      '-1',
    ]),
  );
  return tableOf(
    {
      attrelid: 'oid',
      attname: 'name',
      atttypid: 'oid',
      attnum: 'int2',
      attnotnull: 'bool',
      attisdropped: 'bool',
      atttypmod: 'int4',
    },
    rows,
  );
}

/** The types that results can have; extensions such as hstore are not among them. */
function pgType(): SystemTable {
  const rows = Object.entries(pgTypes)
    .filter(([name]) => name !== 'nameArray')
    .map(([name, type]) => [
      String(type.typeOid),
      name,
      catalogSchemaOid,
      String(type.typeLength),
      '0',
      '0',
      'b',
      ',',
    ]);
  return tableOf(
    {
      oid: 'oid',
      typname: 'name',
      typnamespace: 'oid',
      typlen: 'int2',
      typarray: 'oid',
      typelem: 'oid',
      typtype: 'text',
      typdelim: 'text',
    },
    rows,
  );
}

function pgTables(facts: SessionFacts): SystemTable {
  return tableOf(
    { schemaname: 'name', tablename: 'name', tableowner: 'name' },
    logstores(facts).map((logstore) => [logstoreSchema, logstore.name, facts.user]),
  );
}

function pgDatabase(facts: SessionFacts): SystemTable {
  return tableOf({ oid: 'oid', datname: 'name', datistemplate: 'bool', datallowconn: 'bool' }, [
    ['1', facts.database, 'f', 't'],
  ]);
}

function schemata(facts: SessionFacts): SystemTable {
  return tableOf(
    { catalog_name: 'name', schema_name: 'name', schema_owner: 'name' },
    schemas.map(([, name]) => [facts.database, name, facts.user]),
  );
}

function informationTables(facts: SessionFacts): SystemTable {
  return tableOf(
    { table_catalog: 'name', table_schema: 'name', table_name: 'name', table_type: 'varchar' },
    logstores(facts).map((logstore) => [facts.database, logstoreSchema, logstore.name, 'BASE TABLE']),
  );
}

function informationColumns(facts: SessionFacts): SystemTable {
  const rows = logstores(facts).flatMap((logstore) =>
    columnsOf(facts, logstore.name).map((column, at) => [
      facts.database,
      logstoreSchema,
      logstore.name,
      column.name,
      String(at + 1),
      null,
      'YES',
      standardNames.get(column.type) ?? column.type,
      column.type,
    ]),
  );
  return tableOf(
    {
      table_catalog: 'name',
      table_schema: 'name',
      table_name: 'name',
      column_name: 'name',
      ordinal_position: 'int4',
      column_default: 'varchar',
      is_nullable: 'varchar',
      data_type: 'varchar',
      udt_name: 'name',
    },
    rows,
  );
}

const standardNames: ReadonlyMap<PgTypeName, string> = new Map<PgTypeName, string>([
  ['int8', 'bigint'],
  ['float8', 'double precision'],
  ['varchar', 'character varying'],
]);

function logstores(facts: SessionFacts): { oid: string; name: string }[] {
  return [...facts.catalog.logstores(facts.database)]
    .sort()
    .map((name, at) => ({ oid: String(firstUserOid + at), name }));
}

/** The columns a logstore is known to have: its time and the keys of its index. */
function columnsOf(facts: SessionFacts, logstore: string): SystemColumn[] {
  const keys = facts.catalog.view(facts.database, logstore)?.index?.keys ?? {};
  const indexed = Object.entries(keys).map(([name, key]): SystemColumn => {
    if (key.type === 'long') return { name, type: 'int8' };
    return { name, type: key.type === 'double' ? 'float8' : 'varchar' };
  });
  return [{ name: '__time__', type: 'int8' }, ...indexed];
}

function tableOf(
  columns: Readonly<Record<string, PgTypeName>>,
  rows: readonly (readonly Cell[])[],
): SystemTable {
  return { columns: Object.entries(columns).map(([name, type]) => ({ name, type })), rows };
}
