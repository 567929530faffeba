import { describe, expect, it } from 'vitest';
import { createLog } from './log.ts';

describe('log', () => {
  it('writes one JSON object per line and replaces secrets at any depth up to three', () => {
    const lines: string[] = [];
    const log = createLog({ name: 'sls', destination: { write: (line) => void lines.push(line) } });
    log.info(
      { accessKeySecret: 's3', user: { password: 'p4' }, a: { b: { token: 't5' } }, port: 80 },
      'listening',
    );
    expect(lines).toHaveLength(1);
    const line: unknown = JSON.parse(lines[0] ?? '');
    expect(line).toMatchObject({ name: 'sls', msg: 'listening', port: 80, accessKeySecret: '[redacted]' });
    expect(lines[0]).not.toMatch(/s3|p4|t5/);
  });

  it('stays below its level', () => {
    const lines: string[] = [];
    const log = createLog({
      name: 'x',
      level: 'warn',
      destination: { write: (line) => void lines.push(line) },
    });
    log.info('quiet');
    expect(lines).toEqual([]);
  });
});
