import { Command, CommanderError, Option } from 'commander';

/** The command line. */
export interface Program {
  /** Runs one command and returns its exit code. */
  run(words: readonly string[]): Promise<number>;
}

/**
 * Declares every command. What a command needs is imported when it runs, because `sampan env` should not pay for
 * what only `sampan dev` needs.
 */
export function createProgram(): Program {
  const program = new Command('sampan');
  let exitCode = 0;
  const then =
    <Words extends unknown[]>(action: (...words: Words) => Promise<number>) =>
    async (...words: Words): Promise<void> => {
      exitCode = await action(...words);
    };

  program
    .description(
      'Takes a Docker Compose application, Dify first, from a laptop to Alibaba Cloud SAE × SLS unchanged',
    )
    .enablePositionalOptions()
    .showHelpAfterError('(sampan COMMAND --help lists the options)')
    .exitOverride();

  declareStackCommands(program, then);
  declareConfigCommands(program, then);

  return {
    async run(words) {
      try {
        await program.parseAsync(words, { from: 'user' });
        return exitCode;
      } catch (error) {
        // commander has already printed what is wrong, or the help that was asked for.
        if (error instanceof CommanderError && error.exitCode === 0) return 0;
        // The 2 of `promote` means findings; faulty input of any kind is 1 there.
        if (error instanceof CommanderError) return words[0] === 'promote' ? 1 : 2;
        throw error;
      }
    },
  };
}

type Then = <Words extends unknown[]>(
  action: (...words: Words) => Promise<number>,
) => (...words: Words) => Promise<void>;

const directoryOption = () =>
  new Option('--directory <folder>', 'where the stack keeps data, logs and secrets').default('.sampan');
const configOption = () => new Option('--config <file>', 'the configuration; sampan.yaml if there is one');
const componentOption = () =>
  new Option(
    '--component <name>',
    'whose way into the database: api, worker, workerBeat, pluginDaemon …',
  ).default('api');

function declareStackCommands(program: Command, then: Then): void {
  program
    .command('dev')
    .description('start the local stack and keep it running')
    .option('--json', 'print events as JSON lines')
    .addOption(directoryOption())
    .addOption(configOption())
    .option('--backend <name>', 'what runs the services', 'embedded')
    .action(then(async (options) => (await import('./commands/dev.ts')).dev(options)));

  program
    .command('env')
    .description('print the variables a Dify started from source needs')
    .addOption(new Option('--format <format>', 'how').choices(['shell', 'dotenv', 'json']).default('shell'))
    .addOption(componentOption())
    .addOption(directoryOption())
    .action(then(async (options) => (await import('./commands/env.ts')).env(options)));

  program
    .command('exec')
    .description('run a program with those variables; its SLS SDK finds the emulator unchanged')
    .argument('<command...>', 'the program and its words, after --')
    .addOption(componentOption())
    .addOption(directoryOption())
    .passThroughOptions()
    .action(then(async (command, options) => (await import('./commands/exec.ts')).exec(command, options)));

  program
    .command('status')
    .description('show the addresses of the running stack and whether they answer')
    .option('--json', 'print one JSON object')
    .addOption(directoryOption())
    .action(then(async (options) => (await import('./commands/status.ts')).status(options)));

  program
    .command('reset')
    .description('remove the data of the stopped stack: databases, SLS logs, credentials')
    .addOption(directoryOption())
    .action(then(async (options) => (await import('./commands/reset.ts')).reset(options)));
}

function declareConfigCommands(program: Command, then: Then): void {
  program
    .command('plan')
    .description('print every number that follows from the configuration, with its formula')
    .option('--json', 'print one JSON object')
    .option('--target <name>', 'plan a target of the configuration instead of the local stack')
    .addOption(configOption())
    .action(then(async (options) => (await import('./commands/plan.ts')).plan(options)));

  program
    .command('generate')
    .description('write the files that follow from the configuration')
    .option('--check', 'write nothing; fail when a file differs')
    .option('--out <folder>', 'where the files go', '.sampan/generated')
    .addOption(configOption())
    .action(then(async (options) => (await import('./commands/generate.ts')).generateFiles(options)));

  program
    .command('promote')
    .description('make an SAE template, its parameters and a report from a Compose file; no network is used')
    .requiredOption('--target <name>', 'a target of the configuration')
    .option(
      '--compose <file>',
      "a Compose file of your own, such as Dify's docker-compose.yaml; repeatable",
      collect,
    )
    .option(
      '--env-file <file>',
      'an env file for it; the .env beside the Compose file if absent; repeatable',
      collect,
    )
    .addOption(
      new Option('--edition <name>', 'instead of what the target says').choices([
        'test',
        'high-availability',
        'high-performance',
      ]),
    )
    .option('--out <folder>', 'where the files go; .sampan/promote/TARGET if absent')
    .option('--json', 'print the report as one JSON object')
    .addOption(configOption())
    .action(then(async (options) => (await import('./commands/promote.ts')).promote(options)));
}

/** The values of an option that may be repeated. */
function collect(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}
