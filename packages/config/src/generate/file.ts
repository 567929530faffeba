/** A text to write; `path` is relative to the folder of generated files. */
export interface GeneratedFile {
  readonly path: string;
  readonly text: string;
}

/** Says where a file came from, so that nobody edits it by hand. One entry per comment line. */
export const madeBy: readonly string[] = [
  'Made from sampan.yaml by `pnpm generate`. Change sampan.yaml and run it again;',
  '`pnpm generate --check` tells whether this file still follows from it.',
];

export function commentLines(lines: readonly string[]): string {
  return lines.map((line) => (line === '' ? '#\n' : `# ${line}\n`)).join('');
}
