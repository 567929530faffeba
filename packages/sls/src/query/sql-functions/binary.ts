import { varbinary, varchar } from '../sql-type.ts';
import { type FunctionFamily, scalar } from './function-spec.ts';

function hash(engineName: string): FunctionFamily[string] {
  return scalar('binary', varbinary, ([b = '']) => `unhex(${engineName}(${b}))`);
}

/** Bytes and digests. */
export const binaryFunctions: FunctionFamily = {
  to_utf8: scalar('text', varbinary, ([s = '']) => `encode(${s})`),
  from_utf8: scalar('binary', varchar, ([b = '']) => `decode(${b})`),
  to_hex: scalar('binary', varchar, ([b = '']) => `hex(${b})`),
  from_hex: scalar('text', varbinary, ([s = '']) => `unhex(${s})`),
  to_base64: scalar('binary', varchar, ([b = '']) => `to_base64(${b})`),
  from_base64: scalar('text', varbinary, ([s = '']) => `from_base64(${s})`),
  md5: hash('md5'),
  sha1: hash('sha1'),
  sha256: hash('sha256'),
};
