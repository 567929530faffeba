import { hasErrors, planFor, renderPlan, renderProblems } from '@sampan/config';
import { readConfiguration } from '../configuration.ts';

/** Prints the plan; what speaks against it goes to standard error, and 2 is returned when that is an error. */
export async function plan(options: {
  readonly json?: boolean;
  readonly target?: string;
  readonly config?: string;
}): Promise<number> {
  const { config, path, place } = await readConfiguration(options.config);
  const made = planFor({ config, ...(options.target === undefined ? {} : { target: options.target }) });
  const problems = place(made.problems);
  process.stdout.write(
    options.json === true ? `${JSON.stringify({ ...made, problems })}\n` : renderPlan(made),
  );
  if (problems.length > 0) process.stderr.write(renderProblems(problems, path));
  return hasErrors(problems) ? 2 : 0;
}
