import { createHash } from 'node:crypto';
import { checkFunctions } from './testing.ts';

const digest = (name: string): string => createHash(name).update('日志').digest('hex').toUpperCase();

checkFunctions(
  [
    ["to_hex(md5(to_utf8('日志')))", digest('md5')],
    ["to_hex(sha1(to_utf8('日志')))", digest('sha1')],
    ["to_hex(sha256(to_utf8('日志')))", digest('sha256')],
    ["to_base64(to_utf8('日志'))", Buffer.from('日志').toString('base64')],
    ["from_utf8(from_base64('5pel5b+X'))", '日志'],
    ["from_utf8(from_hex('41'))", 'A'],
  ],
  [["md5('a')", 'Unexpected parameters (varchar) for function md5']],
);
