import { describe, expect, it } from 'vitest';
import { createProblemList } from '../problem.ts';
import { parseComposeYaml } from './parse-yaml.ts';
import { readPorts } from './ports.ts';
import { parseBytes, parseDuration } from './quantities.ts';
import { child } from './tree.ts';
import { readVolumes } from './volumes.ts';
import { splitWords } from './words.ts';

const list = (text: string) =>
  child(
    parseComposeYaml({ path: 'c', text: `l:\n${text}` }, (value) => value, createProblemList()),
    'l',
  );

// Short and long forms: Compose specification, "ports" and "volumes" of services.
describe('a port', () => {
  it.each([
    ['"80"', [{ target: 80 }]],
    ['"8080:80"', [{ target: 80, published: 8080 }]],
    ['8080:80', [{ target: 80, published: 8080 }]],
    ['"127.0.0.1:8001:8001"', [{ target: 8001, published: 8001, hostIp: '127.0.0.1' }]],
    ['"[::1]:8001:8002/udp"', [{ target: 8002, published: 8001, hostIp: '[::1]', protocol: 'udp' }]],
    ['"127.0.0.1::5000"', [{ target: 5000, hostIp: '127.0.0.1' }]],
    [
      '"9090-9091:8080-8081"',
      [
        { target: 8080, published: 9090 },
        { target: 8081, published: 9091 },
      ],
    ],
    ['{target: 80, published: "8080", protocol: tcp, mode: host}', [{ target: 80, published: 8080 }]],
  ])('%s is understood', (text, expected) => {
    const ports = readPorts(list(`  - ${text}`), 'p', () => {});
    expect(
      ports.map(({ target, published, hostIp, protocol }) => ({ target, published, hostIp, protocol })),
    ).toEqual(
      expected.map((port) => ({ published: undefined, hostIp: undefined, protocol: 'tcp', ...port })),
    );
  });

  it.each(['"http"', '"80:http"', '"0"', '"70000"', '"1-60000"', '{published: 80}'])(
    '%s is reported',
    (text) => {
      const wrong: string[] = [];
      expect(readPorts(list(`  - ${text}`), 'p', (_, what) => wrong.push(what))).toEqual([]);
      expect(wrong).toHaveLength(1);
    },
  );
});

describe('a mount', () => {
  it.each([
    ['./data:/var/data', { type: 'bind', source: './data', target: '/var/data', readOnly: false }],
    ['/a:/b:ro', { type: 'bind', source: '/a', target: '/b', readOnly: true }],
    ['~/a:/b', { type: 'bind', source: '~/a', target: '/b', readOnly: false }],
    ['data:/var/data:rw,z', { type: 'volume', source: 'data', target: '/var/data', readOnly: false }],
    ['/var/data', { type: 'volume', source: undefined, target: '/var/data', readOnly: false }],
    ['{type: tmpfs, target: /tmp}', { type: 'tmpfs', source: undefined, target: '/tmp', readOnly: false }],
    [
      '{type: bind, source: ./f, target: /f, read_only: true}',
      { type: 'bind', source: './f', target: '/f', readOnly: true },
    ],
    ['{type: npipe, source: x, target: /y}', { type: 'other', source: 'x', target: '/y', readOnly: false }],
  ])('%s is understood', (text, expected) => {
    expect(readVolumes(list(`  - ${text}`), 'v', () => {})).toMatchObject([expected]);
  });

  it('without a target is reported', () => {
    const wrong: string[] = [];
    readVolumes(list('  - {type: bind, source: ./f}'), 'v', (_, what) => wrong.push(what));
    expect(wrong).toHaveLength(1);
  });
});

describe('amounts', () => {
  it.each([
    ['30s', 30],
    ['1m30s', 90],
    ['1h5m30s20ms', 3930.02],
    ['500us', 0.0005],
  ])('the duration %s is %s seconds', (text, seconds) => expect(parseDuration(text)).toBeCloseTo(seconds, 6));

  it.each(['', '30', 's', '1d', '1s 2s'])('%j is no duration', (text) =>
    expect(parseDuration(text)).toBeUndefined(),
  );

  it.each([
    ['512m', 536_870_912],
    ['2gb', 2_147_483_648],
    ['1024', 1024],
    ['300kb', 307_200],
    ['1.5g', 1_610_612_736],
  ])('%s is %s bytes', (text, bytes) => expect(parseBytes(text)).toBe(bytes));

  it('a word is no amount of bytes', () => expect(parseBytes('lots')).toBeUndefined());
});

describe('a command line', () => {
  it.each([
    [`postgres -c 'max_connections=100' -c "a b"`, ['postgres', '-c', 'max_connections=100', '-c', 'a b']],
    ['sh -c "echo \\"hi\\" $X"', ['sh', '-c', 'echo "hi" $X']],
    ["a\\ b 'it''s'", ['a b', 'its']],
    ["''", ['']],
    ['  ', []],
  ])('%s is split as a shell splits it', (line, words) => expect(splitWords(line)).toEqual(words));
});
