import { exitCodeOf } from '@sampan/base';
import { createProgram } from './program.ts';
import { renderError } from './render-error.ts';

/** The only file that ends the process: every command returns its exit code or throws. */
try {
  process.exitCode = await createProgram().run(process.argv.slice(2));
} catch (error) {
  process.stderr.write(renderError(error));
  process.exitCode = exitCodeOf(error);
}
