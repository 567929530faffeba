import { describe, expect, it } from 'vitest';
import { withRequests } from './case-result.ts';
import { verdictOf } from './expected-failures.ts';
import { casesOfGoRun, goTestsOf } from './go-output.ts';
import { parseTranscript } from './transcript.ts';

describe('a transcript of commands', () => {
  const text = [
    '# comment',
    'aliyunlog log create_project --project_name="p-${N}"',
    'sleep 60',
    'rm -f ./x.json',
    'aliyunlog log list_project',
    '> "projectName": "p-${N}"',
    '> "count": 1',
    'aliyunlog log list_project --size=-1',
    'aliyunlog log list_project',
    '> "total": 1',
    'cat ~/.config',
    '> [main]',
  ].join('\n');

  it('runs each command once, with all its expectations, and never sleeps', () => {
    expect(parseTranscript(text, { '${N}': '7' })).toEqual([
      { name: 'create_project #1', command: 'aliyunlog log create_project --project_name="p-7"', checks: [] },
      { name: undefined, command: 'rm -f ./x.json', checks: [] },
      {
        name: 'list_project #1',
        command: 'aliyunlog log list_project',
        checks: ['"projectName": "p-7"', '"count": 1', '"total": 1'],
      },
      { name: 'list_project #2', command: 'aliyunlog log list_project --size=-1', checks: [] },
      { name: 'cat #1', command: 'cat ~/.config', checks: ['[main]'] },
    ]);
  });
});

describe('the sources of Go tests', () => {
  it('name plain tests and suites with their methods, across files', () => {
    const tests = goTestsOf([
      'func TestStore(t *testing.T) {\n\tsuite.Run(t, new(StoreSuite))\n}\nfunc TestPlain(t *testing.T) {\n\tdo()\n}\n',
      'func (s *StoreSuite) TestPut() {\n}\nfunc (s *StoreSuite) helper() {\n}\nfunc (s *StoreSuite) TestGet() {\n}\n',
    ]);
    expect([...tests]).toEqual([
      ['TestStore', ['TestPut', 'TestGet']],
      ['TestPlain', []],
    ]);
  });
});

describe('the output of a Go test function', () => {
  const run = {
    test: 'TestStore',
    methods: ['TestPut', 'TestGet'],
    startedAt: 0,
    endedAt: 90,
    ending: 'ended',
  };
  const linesOf = (...texts: string[]) => texts.map((text, index) => ({ at: (index + 1) * 10, text }));

  it('gives each method its verdict, its time and what it printed', () => {
    const cases = casesOfGoRun({
      ...run,
      lines: linesOf(
        '=== RUN   TestStore',
        '=== RUN   TestStore/TestPut',
        '=== RUN   TestStore/TestGet',
        '    store_test.go:5: expected 1',
        '--- FAIL: TestStore (0.01s)',
        '    --- PASS: TestStore/TestPut (0.01s)',
        '    --- FAIL: TestStore/TestGet (0.01s)',
      ),
    });
    expect(cases.map(({ name, outcome, startedAt, endedAt }) => [name, outcome, startedAt, endedAt])).toEqual(
      [
        ['TestStore/TestPut', 'passed', 20, 30],
        ['TestStore/TestGet', 'failed', 30, 90],
      ],
    );
    expect(cases[1]?.detail).toContain('expected 1');
  });

  it('fails every method when the set-up fails', () => {
    const lines = linesOf('=== RUN   TestStore', '    no project', '--- FAIL: TestStore (0.01s)');
    const cases = casesOfGoRun({ ...run, lines });
    expect(cases.map(({ outcome }) => outcome)).toEqual(['failed', 'failed']);
    expect(cases[0]?.detail).toContain('no project');
  });

  it('adds the suite as a failed case when only its tear-down fails', () => {
    const lines = linesOf(
      '=== RUN   TestStore/TestPut',
      '=== RUN   TestStore/TestGet',
      '--- FAIL: TestStore (0.01s)',
      '    --- PASS: TestStore/TestPut (0.01s)',
      '    --- PASS: TestStore/TestGet (0.01s)',
    );
    const cases = casesOfGoRun({ ...run, lines });
    expect(cases.map(({ name, outcome }) => `${name} ${outcome}`)).toContain('TestStore failed');
    expect(cases).toHaveLength(3);
  });

  it('fails what was not reported when the process is ended', () => {
    const lines = linesOf('=== RUN   TestPlain', 'waiting');
    const cases = casesOfGoRun({ ...run, test: 'TestPlain', methods: [], lines, ending: 'time limit' });
    expect(cases).toMatchObject([{ name: 'TestPlain', outcome: 'failed' }]);
    expect(cases[0]?.detail).toContain('time limit');
  });
});

describe('a run held against the list', () => {
  const result = (name: string, outcome: 'passed' | 'failed' | 'skipped') => ({
    ...{ name, outcome, tookMs: 1, requests: name === 'offline' ? 0 : 2, detail: 'why', refused: [] },
  });
  const list = [
    { ground: 'cloud', reason: 'needs object storage', cases: ['ship'] },
    { ground: 'emulator', reason: 'not emulated so far', cases: ['alert', 'gone', 'cured'] },
  ] as const;
  const verdict = verdictOf(
    [
      result('put', 'passed'),
      result('offline', 'passed'),
      result('ship', 'failed'),
      result('alert', 'failed'),
      result('get', 'failed'),
      result('cured', 'passed'),
      result('token', 'skipped'),
    ],
    list,
  );

  it('finds failures that are not listed, listed cases that pass, and listed names that are no case', () => {
    expect(verdict.unexpected.map(({ name }) => name)).toEqual(['get']);
    expect(verdict.passedThoughListed).toEqual(['cured']);
    expect(verdict.unknown).toEqual(['gone']);
  });

  it('counts each outcome, and apart from that what really asked the emulator', () => {
    expect(verdict.counts).toEqual({
      ...{ total: 7, passed: 3, failed: 2, needsAnotherCloudProduct: 1, skipped: 1 },
      ...{ withRequests: 6, withRequestsPassed: 2 },
    });
  });
});

describe('requests of a case', () => {
  it('are those of its time, with the refused ones kept', () => {
    const exchange = (at: number, status: number) => ({
      ...{ at, status, method: 'GET', url: 'http://p/', sent: '', answer: '' },
    });
    const window = { name: 'a', outcome: 'failed', startedAt: 10, endedAt: 20, detail: '' } as const;
    const [found] = withRequests(
      [window],
      [9, 10, 19, 20].map((at) => exchange(at, at === 19 ? 404 : 200)),
    );
    expect(found).toMatchObject({ requests: 2, tookMs: 10, refused: [{ at: 19, status: 404 }] });
  });
});
