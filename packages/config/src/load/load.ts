import { formatPath, hasErrors, renderProblems, showValue, sortProblems } from '../diagnostics.ts';
import { configErrors } from '../errors.ts';
import type { KeyPath, Position, Problem } from '../problem.ts';
import { isSection, schemaAt } from '../schema/lookup.ts';
import { type Config, configSchema, defaultConfig } from '../schema/schema.ts';
import { parseSource, type SourceDocument } from './document.ts';
import { applyEnvironment, type Environment } from './environment.ts';
import { checkRules, type RuleProblem } from './rules.ts';
import { schemaProblems, type UnplacedProblem, valueAt } from './schema-problems.ts';

export interface ConfigSource {
  /** Name of the file, for messages. */
  readonly path: string;
  readonly text: string;
  /** Variables that override single options: `SAMPAN_POSTGRES_PORT` sets `postgres.port`. */
  readonly environment?: Environment;
}

export interface LoadedConfig {
  /** With an error among the problems: the file without its faulty parts, for further checks only. */
  readonly config: Config;
  readonly problems: readonly Problem[];
  /** Gives problems found later, as by the planner, their place in the file. */
  place(problems: readonly Problem[]): Problem[];
}

/** Most problems that are reported; whoever has more has given the wrong file. */
const problemsMax = 100;

/** Reads `sampan.yaml` and reports everything wrong with it at once. Never throws. */
export function loadConfig(source: ConfigSource): LoadedConfig {
  const document = parseSource(source.text);
  const locate = (problem: Problem) => placeProblem(problem, document, 'value', []);
  const place = (problems: readonly Problem[]) => problems.map(locate);
  const root = document.value ?? {};
  if (typeof root !== 'object' || Array.isArray(root)) {
    const message = `the file is ${showValue(root)}; it must be a section with options such as name and load`;
    const problem: Problem = {
      code: 'CONFIG_WRONG_TYPE',
      severity: 'error',
      path: [],
      message,
      position: { line: 1, column: 1 },
    };
    return {
      config: defaultConfig(),
      problems: hasErrors(document.problems) ? document.problems : [problem],
      place,
    };
  }
  const draft = withoutEmptySections(root as Record<string, unknown>);
  const variables = applyEnvironment(draft, configSchema, source.environment ?? {});
  const { config, found } = parseDraft(draft);
  const isFaulty = (path: KeyPath) => found.some((problem) => isWithin(path, problem.path));
  const rules = checkRules(config)
    .filter(({ paths }) => !paths.some(isFaulty))
    .map((rule) => placeRule(rule, document, variables))
    .filter(({ path, variable }) => variable !== undefined || document.isReliable(path, 'value'));
  const placed = found
    .slice(0, problemsMax)
    .filter(({ path, part }) => isFromVariable(path, variables) || document.isReliable(path, part))
    .map((problem) => placeProblem(problem, document, problem.part, variables));
  const problems = sortProblems([...document.problems, ...placed, ...rules]).slice(0, problemsMax);
  return { config, problems, place };
}

/** As `loadConfig`, for callers that can only go on with a faultless file: throws `CONFIG_INVALID`. */
export function requireConfig(source: ConfigSource): LoadedConfig {
  const loaded = loadConfig(source);
  if (!hasErrors(loaded.problems)) return loaded;
  const errors = loaded.problems.filter((problem) => problem.severity === 'error').length;
  const count =
    errors === 1 ? 'one problem' : `${errors} problems${errors === problemsMax ? ' or more' : ''}`;
  throw configErrors.create('CONFIG_INVALID', {
    message: `${source.path} has ${count}:\n${renderProblems(loaded.problems, source.path).trimEnd()}`,
    hint: 'The options are listed in docs/configuration.md.',
  });
}

type Draft = Record<string, unknown>;

/** Parses; while something is wrong, notes it, cuts it out and parses again, so that the rest can be checked too. */
function parseDraft(draft: Draft): { config: Config; found: UnplacedProblem[] } {
  const found: UnplacedProblem[] = [];
  // One round finds everything unless a faulty part hides another; the bound is for safety only.
  for (let round = 0; round < 20; round += 1) {
    const result = configSchema.safeParse(draft);
    if (result.success) return { config: result.data, found };
    const problems = schemaProblems(configSchema, draft, result.error.issues);
    for (const problem of problems) {
      const isMissing = valueAt(draft, problem.path) === undefined;
      // What a later round misses was cut out by an earlier one and is already in the list.
      if (round === 0 || !isMissing) found.push(problem);
      cutAt(draft, isMissing ? problem.path.slice(0, -1) : problem.path);
    }
  }
  return { config: defaultConfig(), found };
}

/** Removes the value at `path`, or the whole list it is an entry of. */
function cutAt(draft: Draft, path: KeyPath): void {
  let section: unknown = draft;
  for (const [depth, segment] of path.entries()) {
    if (typeof section !== 'object' || section === null) return;
    const parent = section as Draft;
    if (depth === path.length - 1 || Array.isArray(parent[segment])) {
      delete parent[segment];
      return;
    }
    section = parent[segment];
  }
}

/** `postgres:` with nothing below it is an empty section, not a missing value. */
function withoutEmptySections(draft: Draft, path: KeyPath = []): Draft {
  for (const [key, value] of Object.entries(draft)) {
    const childPath = [...path, key];
    if (value === null) {
      const schema = schemaAt(configSchema, childPath);
      if (schema !== undefined && isSection(schema)) draft[key] = {};
    } else if (typeof value === 'object' && !Array.isArray(value))
      withoutEmptySections(value as Draft, childPath);
  }
  return draft;
}

type Variables = readonly { path: KeyPath; variable: string }[];

function variableAt(path: KeyPath, variables: Variables): string | undefined {
  return variables.find((applied) => formatPath(applied.path) === formatPath(path))?.variable;
}

function isFromVariable(path: KeyPath, variables: Variables): boolean {
  return variableAt(path, variables) !== undefined;
}

function placeProblem(
  problem: Problem,
  document: SourceDocument,
  part: 'key' | 'value',
  variables: Variables,
): Problem {
  const { code, severity, path, message, hint } = problem;
  const plain: Problem = { code, severity, path, message, ...(hint === undefined ? {} : { hint }) };
  const variable = variableAt(path, variables);
  if (variable !== undefined) return { ...plain, variable };
  const position = nearestPosition(document, path, part);
  return position === undefined ? plain : { ...plain, position };
}

/** The place of the path, or of the innermost section around it that the file contains. */
function nearestPosition(
  document: SourceDocument,
  path: KeyPath,
  part: 'key' | 'value',
): Position | undefined {
  const exact = document.locate(path, part);
  if (exact !== undefined) return exact;
  for (let length = path.length - 1; length > 0; length -= 1) {
    const around = document.locate(path.slice(0, length), 'key');
    if (around !== undefined) return around;
  }
  return undefined;
}

function placeRule({ paths, ...rule }: RuleProblem, document: SourceDocument, variables: Variables): Problem {
  const path =
    paths.find(
      (candidate) =>
        isFromVariable(candidate, variables) || document.locate(candidate, 'value') !== undefined,
    ) ?? paths[0];
  return placeProblem({ ...rule, path }, document, 'value', variables);
}

function isWithin(path: KeyPath, outer: KeyPath): boolean {
  return outer.every((segment, index) => path[index] === segment);
}
