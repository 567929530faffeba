import { messageOf } from '@sampan/base';
import { z } from 'zod';
import { slsEmulatorErrors } from '../errors.ts';
import type { Documents } from '../storage/documents.ts';
import { type IndexConfig, parseIndexConfig } from './index-config.ts';
import { type Logstore, logstoreSchema } from './logstore.ts';
import { type Project, projectSchema } from './project.ts';

/** An index as the client sent it, beside its checked form. */
export interface StoredIndex {
  readonly config: IndexConfig;
  readonly json: unknown;
  /** Seconds since the Unix epoch. */
  readonly lastModifyTime: number;
}

/** The catalogue in memory. Only the catalogue's change functions write to it. */
export interface CatalogTables {
  readonly projects: Map<string, Project>;
  /** By project, then by name. */
  readonly logstores: Map<string, Map<string, Logstore>>;
  /** By the logstore's uid, so that an index never survives its logstore. */
  readonly indexes: Map<string, StoredIndex>;
}

const indexDocumentSchema = z.object({
  uid: z.string(),
  /** Its logstore's uid after a clearing that was interrupted. */
  nextUid: z.string().optional(),
  json: z.unknown(),
  lastModifyTime: z.number(),
});

/** Reads every document; what belongs to a project or logstore that is gone is left out and removed. */
export async function loadCatalog(documents: Documents): Promise<CatalogTables> {
  const found = await documents.load();
  const tables: CatalogTables = { projects: new Map(), logstores: new Map(), indexes: new Map() };
  const uids = new Set<string>();
  for (const [name, value] of found) {
    const parts = name.split('/');
    if (parts[0] !== 'projects' || parts[2] !== 'project') continue;
    const project = parse(projectSchema, name, value);
    tables.projects.set(project.projectName, project);
    tables.logstores.set(project.projectName, new Map());
  }
  for (const [name, value] of found) {
    const [, project = '', kind] = name.split('/');
    if (kind !== 'logstores') continue;
    if (!tables.projects.has(project)) await documents.removeFolder(`projects/${project}`);
    else {
      const logstore = parse(logstoreSchema, name, value);
      tables.logstores.get(project)?.set(logstore.logstoreName, logstore);
      uids.add(logstore.uid);
    }
  }
  for (const [name, value] of found) {
    const [, project = '', kind] = name.split('/');
    if (kind !== 'indexes' || !tables.projects.has(project)) continue;
    const stored = parse(indexDocumentSchema, name, value);
    const { json, lastModifyTime } = stored;
    const uid = uids.has(stored.uid) ? stored.uid : (stored.nextUid ?? stored.uid);
    if (!uids.has(uid)) await documents.remove(name);
    else tables.indexes.set(uid, { config: parseIndex(name, json), json, lastModifyTime });
  }
  return tables;
}

function parse<T>(schema: z.ZodType<T>, name: string, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw corrupt(name, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
}

function parseIndex(name: string, json: unknown): IndexConfig {
  try {
    return parseIndexConfig(json);
  } catch (error) {
    throw corrupt(name, messageOf(error));
  }
}

function corrupt(name: string, reason: string): Error {
  return slsEmulatorErrors.create('SLS_DOCUMENT_CORRUPT', {
    message: `catalogue document ${name}.json is not what it should be: ${reason}`,
    hint: 'restore the file from a copy, or move it away to go on without it',
  });
}
