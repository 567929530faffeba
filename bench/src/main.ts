import { registry } from './registry.ts';

/** Runs the bench named on the command line. */
async function main(name: string | undefined): Promise<number> {
  const bench = registry.find((each) => each.name === name);
  if (bench === undefined) {
    const list = registry.map((each) => `  ${each.name.padEnd(10)} ${each.summary}`).join('\n');
    const problem = name === undefined ? 'name a bench' : `there is no bench \`${name}\``;
    process.stderr.write(`${problem}; there are\n${list}\nhint: pnpm bench smoke\n`);
    return 2;
  }
  await bench.run(process.argv.slice(3));
  return 0;
}

// Said outright, so that nothing a bench left open keeps the process.
main(process.argv[2]).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(70);
  },
);
