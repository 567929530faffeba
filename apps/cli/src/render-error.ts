import { messageOf, SampanError } from '@sampan/base';

/** `error CODE: message`, then the hint. A defect of ours also shows its stack. */
export function renderError(error: unknown): string {
  if (!(error instanceof SampanError)) {
    const stack = error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
    return `error BUG: ${stack}\n  hint: this is a defect of sampan; please report it with the lines above\n`;
  }
  const lines = [`error ${error.code}: ${error.message}`];
  if (error.hint !== undefined) lines.push(`  hint: ${error.hint}`);
  if (error.family === 'bug' && error.stack !== undefined) lines.push(error.stack);
  return `${lines.join('\n')}\n`;
}
