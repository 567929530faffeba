import type { SlsError } from '@sampan/sls-wire';

export type JsonObject = Readonly<Record<string, unknown>>;

/** A resource as it is kept: the client's JSON and what the service knows beside it. */
export interface StoredResource {
  readonly name: string;
  readonly body: JsonObject;
  /** Seconds since the Unix epoch. */
  readonly createTime: number;
  readonly lastModifyTime: number;
  /** Names of what has been attached to it, never shown as part of it. */
  readonly links: readonly string[];
}

/** How a list call prints its page. */
export interface ListShape {
  /** Field with the entries. */
  readonly items: string;
  readonly entries: 'names' | 'objects';
  /** A second field with a few fields of each entry, beside the names. */
  readonly summaries?: { readonly field: string; readonly of: readonly string[] };
  /** Names of the two counters where they are not `count` and `total`. */
  readonly counters?: { readonly page: string; readonly total: string };
}

/**
 * A kind of resource that is stored and given back, as data: everything that tells one kind's API from another's.
 */
export interface ResourceKind {
  /** The vendor's noun, as in the names of the operations. */
  readonly noun: string;
  /** The collection's path; `:owner` stands for the resource or logstore that owns the entries. */
  readonly path: string;
  /** Kinds that share a table are views of the same entries. */
  readonly table: string;
  readonly scope: 'project' | 'account';
  /** Field of the body with the name. */
  readonly nameField: string;
  /** Other fields without which the body is refused. */
  readonly required?: readonly string[];
  /** Laid under the body of a create call. */
  readonly defaults?: JsonObject;
  /** `create` refuses a name that is taken; the others replace it. */
  readonly write?: 'create' | 'upsert-by-post' | 'upsert-by-put';
  /** Whether an update replaces the body or leaves what it does not name. */
  readonly update?: 'replace' | 'merge';
  /** The name is made up when the body has none. */
  readonly isNameOptional?: boolean;
  readonly list: ListShape;
  /** Field that wraps the object in the answer of a get call. */
  readonly wrapper?: string;
  /** Names of the two times in an answer; absent where the API has none. */
  readonly times?: { readonly created: string; readonly modified: string };
  /** List parameters that narrow the page, each with its test. */
  readonly filters?: Readonly<Record<string, (resource: StoredResource, value: string) => boolean>>;
  /** Chooses the entries of this view among those of its table. */
  readonly isOfView?: (body: JsonObject) => boolean;
  /** Makes a body belong to this view. */
  readonly intoView?: (body: JsonObject) => JsonObject;
  /** Tables whose entries belong to one of these and go with it. */
  readonly owns?: readonly string[];
  /** The service's bound on the entries of one project (or account, or owner). */
  readonly countMax: number;
  readonly errors: ResourceErrors;
}

export interface ResourceErrors {
  readonly notExist: (name: string) => SlsError;
  readonly alreadyExist: (name: string) => SlsError;
}
