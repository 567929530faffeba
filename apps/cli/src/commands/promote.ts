import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { messageOf, SampanError } from '@sampan/base';
import { type Config, type Edition, editions } from '@sampan/config';
import { devstackErrors } from '@sampan/devstack';
import { type PromoteResult, promote as promoteProject, stateOfReport } from '@sampan/promote';
import { readConfiguration } from '../configuration.ts';
import { renderError } from '../render-error.ts';
import { renderPromotion } from '../render-promotion.ts';

export interface PromoteCommandOptions {
  readonly target: string;
  readonly compose?: readonly string[];
  readonly envFile?: readonly string[];
  readonly edition?: Edition;
  readonly out?: string;
  readonly config?: string;
  readonly json?: boolean;
}

/** Plans a promotion and writes its files. Returns 0, 1 for faulty input, or 2 when findings block. */
export async function promote(options: PromoteCommandOptions): Promise<number> {
  try {
    return await plan(options);
  } catch (error) {
    // This command's 2 means findings, so faulty input gets 1 here.
    if (!(error instanceof SampanError) || error.family === 'bug') throw error;
    process.stderr.write(renderError(error));
    return 1;
  }
}

async function plan(options: PromoteCommandOptions): Promise<number> {
  const { config } = await readConfiguration(options.config);
  const compose = options.compose ?? ['compose/dify.yaml'];
  const folder = dirname(resolve(compose[0] ?? ''));
  // Compose itself reads the `.env` beside its file.
  const beside = join(dirname(compose[0] ?? ''), '.env');
  const envFiles = options.envFile ?? (existsSync(beside) ? [beside] : []);
  const out = options.out ?? join('.sampan/promote', options.target);
  const previous = await readOptional(join(out, 'report.json'));
  const previousState = previous === undefined ? undefined : stateOfReport(previous);
  const secrets = parseSecrets(await readOptional(join(out, 'secrets.json')), out);
  const result = promoteProject({
    composeFiles: await readAll(compose),
    envFiles: await readAll(envFiles),
    config: withEdition(config, options),
    target: options.target,
    readFile: (path) => readBeside(folder, path),
    ...(previousState === undefined ? {} : { previousState }),
    ...(secrets === undefined ? {} : { secrets }),
  });
  const written = await writeResult(result, out);
  if (options.json === true) process.stdout.write(`${JSON.stringify(result.report, null, 2)}\n`);
  else process.stdout.write(renderPromotion(result.report, written));
  for (const { code, message, hint, position } of result.report.errors) {
    const place = position === undefined ? '' : `${position.file}:${position.line}:${position.column} `;
    process.stderr.write(
      `error ${code}: ${place}${message}\n${hint === undefined ? '' : `  hint: ${hint}\n`}`,
    );
  }
  return result.exitCode;
}

function withEdition(config: Config, { target, edition }: PromoteCommandOptions): Config {
  const found = config.targets[target];
  if (edition === undefined || found === undefined || !editions.includes(edition)) return config;
  return { ...config, targets: { ...config.targets, [target]: { ...found, edition } } };
}

function readAll(paths: readonly string[]): Promise<{ path: string; text: string }[]> {
  return Promise.all(
    paths.map(async (path) => {
      try {
        return { path, text: await readFile(path, 'utf8') };
      } catch (error) {
        throw devstackErrors.create('DEVSTACK_FILE_UNREADABLE', {
          message: `cannot read ${path}: ${messageOf(error)}`,
          hint: 'name existing files with --compose and --env-file',
          cause: error,
        });
      }
    }),
  );
}

async function readOptional(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}

/** Files that a service mounts or names; a folder or an unreadable file counts as absent. */
function readBeside(folder: string, path: string): string | undefined {
  try {
    return readFileSync(resolve(folder, path), 'utf8');
  } catch {
    return undefined;
  }
}

/** The secrets of this environment stay what they are: a damaged file must not silently give new ones. */
function parseSecrets(text: string | undefined, out: string): Record<string, string> | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
    if (entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')) {
      return Object.fromEntries(entries);
    }
  } catch {
    // Reported below, as any other content that is not ours.
  }
  throw devstackErrors.create('DEVSTACK_SECRETS_DAMAGED', {
    message: `${join(out, 'secrets.json')} does not hold texts by name`,
    hint: 'restore it from a copy; deleting it gives the environment new secrets',
  });
}

/** Writes what there is; secrets with mode 0600, each file in one step. Returns the paths. */
async function writeResult(result: PromoteResult, out: string): Promise<string[]> {
  const files: [name: string, text: string | undefined, mode: number][] = [
    ['template.ros.yaml', result.template, 0o644],
    ['parameters.json', result.parameters, 0o644],
    ['report.json', `${JSON.stringify(result.report, null, 2)}\n`, 0o644],
  ];
  if (result.template !== undefined) {
    files.push(['secrets.json', `${JSON.stringify(result.secrets, null, 2)}\n`, 0o600]);
  }
  try {
    await mkdir(out, { recursive: true });
    const written: string[] = [];
    for (const [name, text, mode] of files) {
      if (text === undefined) continue;
      const path = join(out, name);
      await writeFile(`${path}.new`, text, { mode });
      await rename(`${path}.new`, path);
      written.push(path);
    }
    return written;
  } catch (error) {
    throw devstackErrors.create('DEVSTACK_DIRECTORY_UNUSABLE', {
      message: `cannot write to ${out}: ${messageOf(error)}`,
      hint: 'choose another folder with --out',
      cause: error,
    });
  }
}
