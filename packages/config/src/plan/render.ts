import type { Invariant, Plan, PlanNumber } from './plan.ts';
import { publishedSizesSource } from './published-sizes.ts';

/** A value as tables print it: thousands separated, at most two decimals. */
export function formatNumber(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 2 });
}

/** The formula, then the same with its numbers put in: `api.replicas × 40` → `8 × 40`. */
export function explain({ formula, inputs }: PlanNumber): { formula: string; substituted: string } {
  const names = Object.keys(inputs).toSorted((left, right) => right.length - left.length);
  let substituted = '';
  let at = 0;
  while (at < formula.length) {
    const name = startsWord(formula, at)
      ? names.find((candidate) => isWordAt(formula, candidate, at))
      : undefined;
    const input = name === undefined ? undefined : inputs[name];
    substituted += typeof input === 'number' ? formatNumber(input) : (input ?? formula[at]);
    at += name?.length ?? 1;
  }
  return { formula, substituted };
}

const wordPattern = /[\w.]/;

function startsWord(text: string, at: number): boolean {
  return at === 0 || !wordPattern.test(text[at - 1] ?? '');
}

function isWordAt(text: string, word: string, at: number): boolean {
  return text.startsWith(word, at) && !wordPattern.test(text[at + word.length] ?? '');
}

/** The plan as a table for a terminal: load, numbers with formulas, invariants with slack. Ends with a newline. */
export function renderPlan(plan: Plan): string {
  const { name, target, qps, runSeconds, mode, route } = plan;
  const reach = route === 'proxy' ? 'through the pool proxy' : 'directly';
  const title = `${name}, ${target}: ${formatNumber(qps)} runs/s of ${formatNumber(runSeconds)} s, ${mode}, PostgreSQL ${reach}`;
  return [title, '', ...numberTable(plan), ...instanceTable(plan), '', ...invariantTable(plan), ''].join(
    '\n',
  );
}

function numberTable({ numbers }: Plan): string[] {
  const rows = numbers.map((number) => {
    const { formula, substituted } = explain(number);
    const derivation =
      number.source === 'derived' && substituted !== formatNumber(number.value)
        ? `${formula} = ${substituted}`
        : formula;
    return [number.key, formatNumber(number.value), number.unit, number.source, derivation];
  });
  return layOut(['number', 'value', 'unit', 'source', 'derivation'], rows, [1]);
}

function instanceTable({ cloud, loadClass }: Plan): string[] {
  if (cloud === undefined) return [];
  const rows = cloud.instances.map(({ service, replicas, cpuMillicores, memoryMb, source }) => [
    service,
    formatNumber(replicas),
    `${formatNumber(cpuMillicores / 1000)} vCPU, ${formatNumber(memoryMb / 1024)} GB`,
    source,
  ]);
  const stores = [
    cloud.rds &&
      `RDS PostgreSQL ${cloud.rds.class}, ${formatNumber(cloud.rds.maxConnections)} connections (${cloud.rds.source})`,
    cloud.redis &&
      `Redis ${cloud.redis.class}, ${formatNumber(cloud.redis.maxConnections)} connections (${cloud.redis.source})`,
    `published sizes: ${loadClass} runs/s, ${publishedSizesSource.url}, ${publishedSizesSource.date}`,
  ].filter((line) => line !== undefined);
  return [
    '',
    `edition ${cloud.edition}`,
    ...layOut(['service', 'instances', 'size', 'source'], rows, [1]),
    ...stores,
  ];
}

const verdicts = { holds: 'holds', tight: 'TIGHT', broken: 'BROKEN' } as const satisfies Record<
  Invariant['status'],
  string
>;

function invariantTable({ invariants }: Plan): string[] {
  const rows = invariants.map(({ title, formula, actual, limit, slack, status }) => [
    verdicts[status],
    title,
    `${formatNumber(actual)} ≤ ${formatNumber(limit)}`,
    formatNumber(slack),
    formula,
  ]);
  return layOut(['', 'invariant', 'actual ≤ limit', 'slack', 'formula'], rows, [3]);
}

/** Columns two spaces apart, as wide as their widest cell; `right` names those aligned to the right. */
function layOut(head: readonly string[], rows: readonly string[][], right: readonly number[]): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row) =>
    row
      .map((cell, column) =>
        right.includes(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}
