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
  await bench.run();
  return 0;
}

process.exitCode = await main(process.argv[2]);
