import type { HTTPMethod } from 'find-my-way';
import type { Operation } from './operation.ts';

/**
 * The operations of one method and path; `type` or `action` chooses among them, `''` is none given, `*` any other.
 */
export type Choices = Readonly<Record<string, Operation>>;

export type RouteRow = readonly [method: HTTPMethod, path: string, choices: Choices];
