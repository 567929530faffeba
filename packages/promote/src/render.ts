import type { Finding } from './findings/finding.ts';
import type { PlanAction } from './plan.ts';
import type { Problem } from './problem.ts';
import type { PromotionReport } from './report.ts';

export interface RenderOptions {
  /** Also list what is only worth knowing. */
  readonly isVerbose?: boolean;
}

/** The report as text for a terminal: plan, applications, cost, connection budget, findings, and what became of keys. */
export function renderReport(report: PromotionReport, options: RenderOptions = {}): string {
  if (report.exitCode === 1) return [...report.errors.flatMap(problemLines), ''].join('\n');
  const { target, summary } = report;
  const sections = [
    [`Promotion to ${target.name}: ${target.edition}, ${target.region}, ${target.qps} runs per second`],
    planLines(report),
    applicationLines(report),
    costLines(report),
    connectionLines(report),
    findingLines(report.findings, options.isVerbose === true),
    [
      `Keys of the input: ${summary.mapped} mapped, ${summary.approximated} approximated, ${summary.dropped} dropped, ${summary.blocked} blocked.`,
      `Secrets: ${report.secrets.length} (${originText(report)}). None of them is in the template or in this report.`,
    ],
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function originText(report: PromotionReport): string {
  const origins = ['generated', 'stored', 'given'] as const;
  const counted = origins.flatMap((origin) => {
    const count = report.secrets.filter((secret) => secret.origin === origin).length;
    return count === 0 ? [] : [`${count} ${origin}`];
  });
  return counted.join(', ') || 'none needed';
}

function problemLines(problem: Problem): string[] {
  return [
    `${placeOf(problem.position)}${problem.code}: ${problem.message}`,
    ...(problem.hint === undefined ? [] : [`  → ${problem.hint}`]),
  ];
}

const placeOf = (position: { file: string; line: number; column: number } | undefined): string =>
  position === undefined || position.file === ''
    ? ''
    : `${position.file}:${position.line}:${position.column} `;

function planLines(report: PromotionReport): string[] {
  const count = (action: PlanAction): number => report.plan.filter((step) => step.action === action).length;
  const changed = report.plan.filter(({ action }) => action === 'Modify' || action === 'Remove');
  const replaced = report.plan.filter(({ replacement }) => replacement !== 'False').length;
  return [
    `Plan: ${count('Add')} to add, ${count('Modify')} to modify, ${count('Remove')} to remove, ${count('None')} unchanged; ${replaced} may be replaced`,
    ...changed.map(
      (step) =>
        `  ${step.action} ${step.logicalId} (${step.type}) replacement ${step.replacement}${
          step.properties.length === 0 ? '' : `: ${step.properties.join(', ')}`
        }`,
    ),
  ];
}

function applicationLines(report: PromotionReport): string[] {
  const rows = report.applications.map((application) => [
    application.name,
    `${application.replicas}${application.maxReplicas > application.replicas ? `–${application.maxReplicas}` : ''}`,
    `${application.cpu / 1000} vCPU`,
    `${application.memory / 1024} GiB`,
    application.sizeSource,
    application.image || '(no image)',
  ]);
  const managed = report.managed.length === 0 ? [] : [`Managed: ${report.managed.join(' · ')}`];
  return [...table([['application', 'instances', 'CPU', 'memory', 'size', 'image'], ...rows]), ...managed];
}

/** Columns padded to the widest cell, two blanks apart. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function costLines({ cost }: PromotionReport): string[] {
  if (cost === null) return [];
  const change =
    cost.changeMonthly === null
      ? ''
      : `, ${cost.changeMonthly >= 0 ? '+' : ''}${cost.changeMonthly} against what is there`;
  return [
    `Cost per month: ${cost.currency} ${cost.knownMonthly} for SAE${change} (${cost.note}; ${cost.source}, ${cost.date})`,
    ...(cost.unknown.length === 0 ? [] : [`  unknown: ${cost.unknown.join(' · ')}`]),
  ];
}

function connectionLines({ connections }: PromotionReport): string[] {
  if (connections === null) return [];
  return [
    `Connections: ${connections.planned} planned, ${connections.atFullScale} when scaled out, server maximum ${connections.serverMaximum}, ${connections.route}`,
    ...connections.invariants.map(
      ({ title, formula, actual, limit, status }) =>
        `  ${status}: ${title}: ${formula} (${actual} of ${limit})`,
    ),
  ];
}

function findingLines(findings: readonly Finding[], isVerbose: boolean): string[] {
  const shown = findings.filter(({ severity }) => isVerbose || severity !== 'info');
  const hidden = findings.length - shown.length;
  const lines = shown.flatMap((finding) => [
    `${finding.severity.padEnd(5)} ${finding.code}: ${placeOf(finding.position)}${finding.message}`,
    `      → ${finding.hint}`,
  ]);
  return hidden === 0 ? lines : [...lines, `${hidden} more worth knowing are in report.json`];
}
