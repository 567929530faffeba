import { createProblemList, type ProblemList } from '../problem.ts';
import { type EnvFile, parseEnvFile } from './env-file.ts';
import { interpolate, type VariableSource } from './interpolate.ts';
import { mergeTrees } from './merge.ts';
import type { ComposeProject, EnvironmentVariable, UnsetVariable } from './model.ts';
import { type ComposeFile, parseComposeYaml } from './parse-yaml.ts';
import { readService, type ServiceContext } from './service.ts';
import { type ComposeNode, child, type MapNode, type Position, textOf } from './tree.ts';

export interface ReadOptions {
  /** Compose files, later ones over earlier ones. */
  readonly composeFiles: readonly ComposeFile[];
  /** `.env` or `--env-file`, later ones over earlier ones. */
  readonly envFiles: readonly EnvFile[];
  /** The surrounding environment; it wins over env files. A promotion normally has none, so that files decide. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Active profiles. Absent: `COMPOSE_PROFILES` of the env files. */
  readonly profiles?: readonly string[];
  /** Value of a required variable that nothing sets, when the promotion makes it itself. */
  readonly secretFor?: (name: string) => string | undefined;
  /** Text of a file that the Compose file names, by the path as written there. */
  readonly readFile?: (path: string) => string | undefined;
}

const unsetMax = 500;
const fileStart: Position = { file: '', line: 1, column: 1 };

/**
 * Reads a Compose project into its model. Never throws for bad input: everything wrong is in `problems`, and what
 * could be read is in the model.
 */
export function readCompose(options: ReadOptions): ComposeProject {
  const problems = createProblemList();
  const unset: UnsetVariable[] = [];
  const generated = new Set<string>();
  const values = readVariables(options, problems);
  const sourceAt = (position: Position): VariableSource =>
    variableSource({ options, values, problems, unset, generated, position });
  const trees = options.composeFiles.flatMap((file) => {
    const tree = parseComposeYaml(file, (text, position) => interpolate(text, sourceAt(position)), problems);
    return tree === undefined ? [] : [tree];
  });
  const root = rootOf(trees, options, problems);
  const profiles = options.profiles ?? splitProfiles(values.get('COMPOSE_PROFILES'));
  const context: ServiceContext = {
    profiles: new Set(profiles),
    problems,
    envFile: (path) => serviceEnvFile(path, options, { sourceAt, problems }),
    onMissingEnvFile: (path, node) =>
      problems.add({
        code: 'PROMOTE_ENV_FILE',
        message: `env_file ${path} cannot be read`,
        hint: 'Create it (Dify: copy the .example beside it), or mark it with required: false.',
        position: node.position,
      }),
  };
  const services = child(root, 'services');
  const read =
    services?.kind === 'map' ? services.entries.flatMap((entry) => readService(entry, context) ?? []) : [];
  refuseWhatIsNotFollowed(root, problems);
  return {
    name: textOf(child(root, 'name')),
    root,
    services: profiles.includes('*') ? read.map((service) => ({ ...service, isEnabled: true })) : read,
    profiles,
    unset,
    generated: [...generated],
    problems: problems.problems,
  };
}

function splitProfiles(text: string | undefined): string[] {
  return (text ?? '').split(',').flatMap((name) => name.trim() || []);
}

interface SourceParts {
  readonly options: ReadOptions;
  readonly values: ReadonlyMap<string, string>;
  readonly problems: ProblemList;
  readonly unset: UnsetVariable[];
  readonly generated: Set<string>;
  readonly position: Position;
}

function variableSource(parts: SourceParts): VariableSource {
  const { options, values, problems, unset, generated, position } = parts;
  return {
    lookup: (name) => options.environment?.[name] ?? values.get(name),
    onUnset: (name) => {
      if (unset.length < unsetMax) unset.push({ name, position });
    },
    onRequired: (name, message) => {
      const secret = options.secretFor?.(name);
      if (secret !== undefined) {
        generated.add(name);
        return secret;
      }
      problems.add({
        code: 'PROMOTE_VARIABLE_REQUIRED',
        message: `the variable ${name} is required and not set: ${message || 'no reason given'}`,
        hint: `Set ${name} in the file given with --env-file.`,
        position,
      });
      return '';
    },
    onInvalid: (expression) =>
      problems.add({
        code: 'PROMOTE_INTERPOLATION',
        message: `${expression} is not a variable expression`,
        hint: 'Write $$ for a dollar sign that is meant literally.',
        position,
      }),
  };
}

function readVariables(options: ReadOptions, problems: ProblemList): Map<string, string> {
  const values = new Map<string, string>();
  for (const file of options.envFiles) {
    const source: VariableSource = {
      lookup: (name) => options.environment?.[name] ?? values.get(name),
      onUnset: () => {},
      onRequired: (name) => options.secretFor?.(name) ?? '',
      onInvalid: (expression) =>
        addEnvProblem(problems, file.path, 1, `${expression} is not a variable expression`),
    };
    const parsed = parseEnvFile(file.text, source);
    for (const entry of parsed.entries) {
      if (entry.value !== undefined) values.set(entry.name, entry.value);
    }
    for (const problem of parsed.problems) addEnvProblem(problems, file.path, problem.line, problem.message);
  }
  return values;
}

function addEnvProblem(problems: ProblemList, file: string, line: number, message: string): void {
  problems.add({
    code: 'PROMOTE_ENV_FILE',
    message,
    hint: 'A line is NAME=value, or a comment that begins with #.',
    position: { file, line, column: 1 },
  });
}

function serviceEnvFile(
  path: string,
  options: ReadOptions,
  context: { sourceAt: (position: Position) => VariableSource; problems: ProblemList },
): EnvironmentVariable[] | undefined {
  const text = options.readFile?.(path) ?? options.envFiles.find((file) => sameFile(file.path, path))?.text;
  if (text === undefined) return undefined;
  const parsed = parseEnvFile(text, context.sourceAt({ file: path, line: 1, column: 1 }));
  for (const problem of parsed.problems) addEnvProblem(context.problems, path, problem.line, problem.message);
  return parsed.entries.map((entry) => ({
    name: entry.name,
    value: entry.value ?? null,
    path: `${path}:${entry.name}`,
    position: { file: path, line: entry.line, column: 1 },
    anchor: `env_file ${path}`,
  }));
}

/** `env_file: .env` names the file that was given with the folder before it. */
function sameFile(given: string, named: string): boolean {
  const tail = named.replace(/^\.\//, '');
  return given === tail || given.endsWith(`/${tail}`);
}

function rootOf(trees: readonly ComposeNode[], options: ReadOptions, problems: ProblemList): MapNode {
  const empty: MapNode = {
    kind: 'map',
    entries: [],
    position: { ...fileStart, file: options.composeFiles[0]?.path ?? '' },
  };
  const [first, ...rest] = trees;
  if (first === undefined) {
    if (problems.problems.length === 0) {
      problems.add({
        code: 'PROMOTE_COMPOSE_EMPTY',
        message: `${options.composeFiles.map((file) => file.path).join(', ') || 'no Compose file'} is empty`,
        hint: 'Name a Compose file with --compose.',
        position: empty.position,
      });
    }
    return empty;
  }
  const merged = rest.reduce((base, over) => mergeTrees(base, over), first);
  if (merged.kind === 'map') return merged;
  problems.add({
    code: 'PROMOTE_COMPOSE_SHAPE',
    message: 'a Compose file is a mapping with services, volumes and networks',
    hint: 'Check that the right file was named.',
    position: merged.position,
  });
  return empty;
}

function refuseWhatIsNotFollowed(root: MapNode, problems: ProblemList): void {
  const include = child(root, 'include');
  if (include !== undefined) {
    problems.add({
      code: 'PROMOTE_INCLUDE',
      message: 'include is not followed by the promotion',
      hint: 'Name each file with its own --compose.',
      position: include.position,
    });
  }
  const services = child(root, 'services');
  if (services?.kind !== 'map') {
    if (include === undefined && problems.problems.length === 0) {
      problems.add({
        code: 'PROMOTE_COMPOSE_EMPTY',
        message: 'the Compose file has no services',
        hint: 'Name the file that lists them.',
        position: root.position,
      });
    }
    return;
  }
  for (const entry of services.entries) {
    const base = child(entry.node, 'extends');
    if (base === undefined) continue;
    problems.add({
      code: 'PROMOTE_EXTENDS',
      message: `services.${entry.key} uses extends, which the promotion does not follow`,
      hint: 'Use a YAML anchor and <<, or several files with --compose.',
      position: base.position,
    });
  }
}
