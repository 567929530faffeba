import { randomUUID } from 'node:crypto';
import { slsErrors } from '@sampan/sls-wire';
import type { JsonObject, ResourceKind, StoredResource } from '../resources/resource-kind.ts';
import type { Place, ResourceTable } from '../resources/resource-table.ts';
import { type Call, type Operation, projectOf } from './operation.ts';
import { emptyReply, jsonReply, type Reply } from './reply.ts';
import { jsonBody, pageOf, parameter } from './request.ts';

/** Finds the owner of a kind's entries, and refuses when it is not there; `''` for kinds without one. */
export type OwnerOf = (call: Call) => string;

/** The operations of one kind, made from its description. */
export interface ResourceOperations {
  readonly create: Operation;
  readonly get: Operation;
  readonly update: Operation;
  readonly remove: Operation;
  readonly list: Operation;
}

export const resourceBytesMax = 1024 * 1024;
const nameLengthMax = 256;

/** What every operation on a table of entries begins with. */
export interface Entries {
  readonly table: ResourceTable;
  readonly place: Place;
  readonly now: number;
}

/** The table of the call's project (or account). Throws the vendor's error when the project or owner is missing. */
export function entriesOf(call: Call, kind: ResourceKind, ownerOf: OwnerOf = noOwner): Entries {
  const project = kind.scope === 'project' ? projectOf(call) : undefined;
  return {
    table: call.backend.resources,
    place: { project, table: kind.table, owner: ownerOf(call) },
    now: Math.floor(call.backend.clock.nowMs() / 1000),
  };
}

/** The entry of a name, or the kind's `NotExist`. */
export function requireEntry(entries: Entries, kind: ResourceKind, name: string): StoredResource {
  const found = entries.table.get(entries.place, name);
  if (found === undefined || kind.isOfView?.(found.body) === false) throw kind.errors.notExist(name);
  return found;
}

export function resourceOperations(kind: ResourceKind, ownerOf: OwnerOf = noOwner): ResourceOperations {
  const read = (call: Call): [Entries, string] => [entriesOf(call, kind, ownerOf), call.path['name'] ?? ''];
  return {
    create: operation(`Create${kind.noun}`, (call) => createEntry(call, kind, ownerOf)),
    get: operation(`Get${kind.noun}`, (call) => {
      const [entries, name] = read(call);
      const json = entryJson(kind, requireEntry(entries, kind, name));
      return jsonReply(kind.wrapper === undefined ? json : { [kind.wrapper]: json });
    }),
    update: operation(`Update${kind.noun}`, (call) => updateEntry(call, kind, ownerOf)),
    remove: operation(`Delete${kind.noun}`, (call) =>
      call.backend.resources.exclusive(async () => {
        const [entries, name] = read(call);
        requireEntry(entries, kind, name);
        const { project } = entries.place;
        await entries.table.removeOwned({ project, tables: kind.owns ?? [], owner: name });
        await entries.table.remove(entries.place, name);
        return emptyReply;
      }),
    ),
    list: operation(`List${kind.noun}s`, (call) => listReply(call, kind, ownerOf)),
  };
}

function operation(name: string, run: (call: Call) => Promise<Reply> | Reply): Operation {
  return { name, run };
}

function noOwner(): string {
  return '';
}

function createEntry(call: Call, kind: ResourceKind, ownerOf: OwnerOf): Promise<Reply> {
  return call.backend.resources.exclusive(async () => {
    const entries = entriesOf(call, kind, ownerOf);
    const given = jsonBody(call.request);
    const isNamed = given[kind.nameField] !== undefined || kind.isNameOptional !== true;
    const name = isNamed ? nameIn(given, kind) : randomUUID();
    const body = checkedBody({ ...kind.defaults, ...given, [kind.nameField]: name }, call, kind);
    const before = entries.table.get(entries.place, name);
    if (before !== undefined && kind.write !== 'upsert-by-post') throw kind.errors.alreadyExist(name);
    if (before === undefined) checkCount(entries, kind);
    await entries.table.put(entries.place, {
      name,
      body,
      createTime: before?.createTime ?? entries.now,
      lastModifyTime: entries.now,
      links: before?.links ?? [],
    });
    return isNamed ? emptyReply : jsonReply({ [kind.nameField]: name });
  });
}

function updateEntry(call: Call, kind: ResourceKind, ownerOf: OwnerOf): Promise<Reply> {
  return call.backend.resources.exclusive(async () => {
    const entries = entriesOf(call, kind, ownerOf);
    const name = call.path['name'] ?? '';
    const isUpsert = kind.write === 'upsert-by-put';
    const before = isUpsert ? entries.table.get(entries.place, name) : requireEntry(entries, kind, name);
    if (before === undefined) {
      checkName(name, kind);
      checkCount(entries, kind);
    }
    const under = kind.update === 'merge' ? before?.body : kind.defaults;
    const given = { ...under, ...jsonBody(call.request), [kind.nameField]: name };
    await entries.table.put(entries.place, {
      name,
      body: checkedBody(given, call, kind),
      createTime: before?.createTime ?? entries.now,
      lastModifyTime: entries.now,
      links: before?.links ?? [],
    });
    return emptyReply;
  });
}

function listReply(call: Call, kind: ResourceKind, ownerOf: OwnerOf): Reply {
  const entries = entriesOf(call, kind, ownerOf);
  const { offset, size } = pageOf(call.request);
  const filters = Object.entries(kind.filters ?? {}).flatMap(([name, test]) => {
    const value = parameter(call.request, name);
    return value === undefined ? [] : [(resource: StoredResource) => test(resource, value)];
  });
  const found = entries.table
    .list(entries.place)
    .filter((resource) => kind.isOfView?.(resource.body) !== false)
    .filter((resource) => filters.every((test) => test(resource)));
  return jsonReply(pageJson(kind, found.slice(offset, offset + size), found.length));
}

function pageJson(kind: ResourceKind, page: readonly StoredResource[], total: number): JsonObject {
  const { items, entries, summaries, counters = { page: 'count', total: 'total' } } = kind.list;
  return {
    [counters.total]: total,
    [counters.page]: page.length,
    [items]: page.map((each) => (entries === 'names' ? each.name : entryJson(kind, each))),
    ...(summaries === undefined
      ? {}
      : {
          [summaries.field]: page.map(({ body }) =>
            Object.fromEntries(summaries.of.map((field) => [field, body[field] ?? ''])),
          ),
        }),
  };
}

/** An entry as a get call shows it. */
export function entryJson(kind: ResourceKind, resource: StoredResource): JsonObject {
  const { times } = kind;
  if (times === undefined) return resource.body;
  return {
    ...resource.body,
    [times.created]: resource.createTime,
    [times.modified]: resource.lastModifyTime,
  };
}

function nameIn(body: JsonObject, kind: ResourceKind): string {
  const name = body[kind.nameField];
  if (typeof name !== 'string' || name === '') {
    throw slsErrors.parameterInvalid(`The parameter ${kind.nameField} is required`);
  }
  checkName(name, kind);
  return name;
}

export function checkName(name: string, kind: ResourceKind): void {
  if (name.length > nameLengthMax || /[\p{Cc}/]/u.test(name)) {
    throw slsErrors.parameterInvalid(`The parameter ${kind.nameField} is invalid: ${name.slice(0, 64)}`);
  }
}

function checkedBody(given: JsonObject, call: Call, kind: ResourceKind): JsonObject {
  if (call.request.body.length > resourceBytesMax) {
    throw slsErrors.postBodyTooLarge(call.request.body.length, resourceBytesMax);
  }
  for (const field of kind.required ?? []) {
    if (given[field] === undefined || given[field] === null) {
      throw slsErrors.parameterInvalid(`The parameter ${field} is required`);
    }
  }
  const body = kind.intoView?.(given) ?? given;
  if (kind.times === undefined) return body;
  const { created, modified } = kind.times;
  return Object.fromEntries(
    Object.entries(body).filter(([field]) => field !== created && field !== modified),
  );
}

export function checkCount(entries: Entries, kind: ResourceKind): void {
  if (entries.table.list(entries.place).length < kind.countMax) return;
  throw slsErrors.exceedQuota(`${kind.noun} quota exceed: at most ${kind.countMax}`);
}
