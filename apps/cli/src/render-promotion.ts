import type { Finding, PromotionReport } from '@sampan/promote';
import { renderTable } from './render-table.ts';

/** A promotion for people: what would run, what would change, what it costs, what speaks against it. */
export function renderPromotion(report: PromotionReport, written: readonly string[]): string {
  const { target, input } = report;
  const sections = [
    `promotion of ${input.files.join(', ')} to ${target.name}: SAE × SLS in ${target.region}, edition ${target.edition}, ${target.qps} runs/s`,
    section('applications', applicationRows(report)),
    section(
      'managed services',
      report.managed.map((name) => [name]),
    ),
    section('plan', planRows(report)),
    section('cost and connections', budgetRows(report)),
    section('findings', report.findings.flatMap(findingRows)),
    section('secrets (values only in secrets.json)', secretRows(report)),
    section('input keys', [
      [
        `${report.summary.mapped} mapped, ${report.summary.approximated} approximated, ${report.summary.dropped} dropped, ${report.summary.blocked} blocked; each one in report.json`,
      ],
    ]),
    section(
      'written',
      written.map((path) => [path]),
    ),
    verdictOf(report),
  ];
  return `${sections.filter((text) => text !== '').join('\n\n')}\n`;
}

function section(title: string, rows: readonly (readonly string[])[]): string {
  return rows.length === 0 ? '' : `${title}\n${renderTable(rows)}`;
}

function applicationRows({ applications }: PromotionReport): string[][] {
  return applications.map(({ service, name, image, cpu, memory, replicas, maxReplicas, sizeSource }) => [
    service,
    name,
    maxReplicas > replicas ? `${replicas}–${maxReplicas} ×` : `${replicas} ×`,
    `${cpu / 1000} vCPU, ${memory / 1024} GiB`,
    sizeSource,
    image,
  ]);
}

/** Only what changes; what stays is counted. */
function planRows({ plan }: PromotionReport): string[][] {
  const kept = plan.filter(({ action }) => action === 'None').length;
  const rows = plan
    .filter(({ action }) => action !== 'None')
    .map(({ action, logicalId, type, replacement, properties }) => [
      action,
      logicalId,
      type,
      replacement === 'False' ? properties.join(', ') : `replaced: ${replacement} (${properties.join(', ')})`,
    ]);
  return kept === 0 ? rows : [...rows, ['None', `${kept} resources stay as they are`]];
}

function budgetRows({ cost, connections }: PromotionReport): string[][] {
  const rows: string[][] = [];
  if (cost !== null) {
    const change = cost.changeMonthly === null ? '' : `, change ${cost.changeMonthly.toFixed(0)}`;
    const total = `${cost.knownMonthly.toFixed(0)} ${cost.currency}${change}`;
    rows.push(['known cost per month', `${total} (${cost.source}, ${cost.date}; ${cost.note})`]);
    if (cost.unknown.length > 0) rows.push(['  unknown, not in the sum', cost.unknown.join('; ')]);
  }
  if (connections !== null) {
    const { planned, atFullScale, serverMaximum, route } = connections;
    rows.push([
      'connections to PostgreSQL',
      `${planned} planned, ${atFullScale} at full scale, ${serverMaximum} accepted (${route})`,
    ]);
    for (const { title, formula, actual, limit, slack, status } of connections.invariants) {
      rows.push([`  ${title}`, `${status}: ${actual} ≤ ${limit}, slack ${slack} (${formula})`]);
    }
  }
  return rows;
}

function findingRows({ severity, code, message, hint, position }: Finding): string[][] {
  const place = position === undefined ? '' : `${position.file}:${position.line}: `;
  return [
    [severity, code, `${place}${message}`],
    ['', '', hint],
  ];
}

function secretRows({ secrets }: PromotionReport): string[][] {
  return secrets.map(({ name, origin, description }) => [name, origin, description]);
}

function verdictOf({ errors, summary }: PromotionReport): string {
  if (errors.length > 0) return `the input has ${errors.length} errors; there is no plan`;
  const { block } = summary.findings;
  if (block > 0) return `${block} findings block the promotion`;
  return 'nothing blocks the promotion; no network was used and nothing was deployed';
}
