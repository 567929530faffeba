/** One command of a transcript with the texts that its output must contain. */
export interface Step {
  /** The case it is, or `undefined` for a command that only prepares the next one. */
  readonly name: string | undefined;
  readonly command: string;
  readonly checks: readonly string[];
}

/** The subcommand for `aliyunlog log create_project …`, the program for anything else. */
function subjectOf(command: string): string {
  const words = command.split(/\s+/);
  if (words[0] !== 'aliyunlog') return words[0] ?? '';
  return (words[1] === 'log' ? words[2] : words[1]) ?? '';
}

/**
 * Reads the command list of aliyun-log-cli as its own runner does: lines beginning with `>` belong to the command
 * above, and a command that occurs again is the same one. Sleeps are left out; they wait for the cloud.
 */
export function parseTranscript(text: string, tokens: Readonly<Record<string, string>>): Step[] {
  const replaced = Object.entries(tokens).reduce((all, [token, value]) => all.replaceAll(token, value), text);
  const steps = new Map<string, string[]>();
  let checks: string[] = [];
  for (const line of replaced.split('\n').map((part) => part.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('>')) {
      checks.push(line.slice(1).trim());
      continue;
    }
    checks = steps.get(line) ?? [];
    steps.set(line, checks);
  }
  const seen = new Map<string, number>();
  return [...steps]
    .filter(([command]) => !/^sleep \d+$/.test(command))
    .map(([command, checksOfCommand]) => {
      const subject = subjectOf(command);
      const isCase = command.startsWith('aliyunlog ') || checksOfCommand.length > 0;
      const number = (seen.get(subject) ?? 0) + 1;
      seen.set(subject, number);
      return { name: isCase ? `${subject} #${number}` : undefined, command, checks: checksOfCommand };
    });
}
