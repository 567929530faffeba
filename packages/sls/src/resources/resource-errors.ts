import { SlsError } from '@sampan/sls-wire';
import type { ResourceErrors } from './resource-kind.ts';

/** `{Code}NotExist` and `{Code}AlreadyExist` with the vendor's usual sentences. */
export function errorsNamed(code: string, subject: string = code.toLowerCase()): ResourceErrors {
  return {
    notExist: (name) => new SlsError(404, `${code}NotExist`, `${subject} ${name} does not exist`),
    alreadyExist: (name) => new SlsError(400, `${code}AlreadyExist`, `${subject} ${name} already exists`),
  };
}
