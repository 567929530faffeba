import { slsErrors } from '@sampan/sls-wire';
import { z } from 'zod';
import type { StoredResource } from '../resources/resource-kind.ts';
import type { Place } from '../resources/resource-table.ts';
import type { Call, Operation } from './operation.ts';
import { emptyReply, jsonReply } from './reply.ts';
import { jsonBody, parameter } from './request.ts';

/** The service's bound on the pairs of one request, and of one resource. */
const pairsMax = 20;
const resourcesMax = 50;

const keyMax = 128;
const valueMax = 256;

const tagSchema = z.object({ key: z.string().min(1).max(keyMax), value: z.string().max(valueMax) });

const tagRequest = z.object({
  resourceType: z.string().min(1),
  resourceId: z.array(z.string().min(1).max(256)).min(1).max(resourcesMax),
  tags: z.array(tagSchema),
});

const untagRequest = z.object({
  resourceType: z.string().min(1),
  resourceId: z.array(z.string().min(1)).min(1).max(resourcesMax),
  tags: z.array(z.string()).nullish(),
  all: z.boolean().nullish(),
});

function parse<T>(schema: z.ZodType<T>, json: unknown): T {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw slsErrors.parameterInvalid(`The body is not valid: ${parsed.error.issues[0]?.path.join('.') ?? ''}`);
}

/**
 * The entries of a resource. A project is named by itself, what lies in one by `project#name`; either must be there,
 * and takes its tags along when it goes. Anything else belongs to the account.
 */
function placeOf(call: Call, table: string, resource: { type: string; id: string }): Place {
  const project = resource.id.split('#')[0] ?? '';
  const isInProject = resource.type.toLowerCase() === 'project' || resource.id.includes('#');
  if (isInProject) call.backend.catalog.requireProject(project);
  return { project: isInProject ? project : undefined, table, owner: resource.type.toLowerCase() };
}

/** A resource's pairs, as the body of its entry. */
function pairsOf(found: StoredResource | undefined): Record<string, string> {
  return { ...(found?.body as Record<string, string> | undefined) };
}

export interface TagOperations {
  readonly tag: Operation;
  readonly untag: Operation;
  readonly list: Operation;
}

function tagOperations(prefix: string, table: string): TagOperations {
  function edit(
    call: Call,
    resource: { type: string; id: string },
    change: (pairs: Record<string, string>) => Record<string, string>,
  ): Promise<void> {
    const place = placeOf(call, table, resource);
    const before = call.backend.resources.get(place, resource.id);
    const body = change(pairsOf(before));
    if (Object.keys(body).length > pairsMax) throw tooManyPairs();
    if (Object.keys(body).length === 0) return call.backend.resources.remove(place, resource.id);
    const now = Math.floor(call.backend.clock.nowMs() / 1000);
    const createTime = before?.createTime ?? now;
    const entry = { name: resource.id, body, createTime, lastModifyTime: now, links: [] };
    return call.backend.resources.put(place, entry);
  }

  return {
    tag: {
      name: `${prefix}TagResources`,
      run: (call) =>
        call.backend.resources.exclusive(async () => {
          const { resourceType: type, resourceId, tags } = parse(tagRequest, jsonBody(call.request));
          if (tags.length > pairsMax) throw tooManyPairs();
          const added = Object.fromEntries(tags.map(({ key, value }) => [key, value]));
          for (const id of resourceId) await edit(call, { type, id }, (pairs) => ({ ...pairs, ...added }));
          return emptyReply;
        }),
    },
    untag: {
      name: `${prefix}UntagResources`,
      run: (call) =>
        call.backend.resources.exclusive(async () => {
          const request = parse(untagRequest, jsonBody(call.request));
          const isGone = (key: string): boolean => request.all === true || (request.tags ?? []).includes(key);
          for (const id of request.resourceId) {
            await edit(call, { type: request.resourceType, id }, (pairs) =>
              Object.fromEntries(Object.entries(pairs).filter(([key]) => !isGone(key))),
            );
          }
          return emptyReply;
        }),
    },
    list: { name: `List${prefix}TagResources`, run: (call) => jsonReply(listTags(call, table)) },
  };
}

function tooManyPairs(): Error {
  return slsErrors.parameterInvalid('request tag key value pair size must little than 20');
}

/** All at once: the bounds on resources and pairs make a page of everything. */
function listTags(call: Call, table: string): unknown {
  const type = parameter(call.request, 'resourceType');
  if (type === undefined) throw slsErrors.parameterInvalid('The parameter resourceType is required');
  const ids = parse(z.array(z.string()).max(resourcesMax), jsonParameter(call, 'resourceId') ?? []);
  const filterSchema = z.object({ key: z.string(), value: z.string().nullish() });
  const wanted = parse(z.array(filterSchema).max(pairsMax), jsonParameter(call, 'tags') ?? []);
  const named = ids.length === 0 && call.request.project !== undefined ? [call.request.project] : ids;
  const tagResources = named.flatMap((id) => {
    const pairs = pairsOf(call.backend.resources.get(placeOf(call, table, { type, id }), id));
    return Object.entries(pairs)
      .filter(([key, value]) => isWanted(wanted, key, value))
      .map(([tagKey, tagValue]) => ({ resourceType: type, resourceId: id, tagKey, tagValue }));
  });
  return { nextToken: '', tagResources };
}

function isWanted(
  wanted: readonly { key: string; value?: string | null | undefined }[],
  key: string,
  value: string,
): boolean {
  if (wanted.length === 0) return true;
  return wanted.some((tag) => tag.key === key && (!tag.value || tag.value === value));
}

function jsonParameter(call: Call, name: string): unknown {
  const text = parameter(call.request, name);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw slsErrors.parameterInvalid(`The parameter ${name} must be a JSON array`);
  }
}

export const tags = tagOperations('', 'tags');
export const systemTags = tagOperations('System', 'systemtags');
