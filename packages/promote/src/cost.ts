import type { Want } from './mapping/want.ts';
import { monthlyCost, priceBook } from './sizes/price-book.ts';

export interface CostLine {
  readonly what: string;
  /** `null`: no price is known. */
  readonly monthly: number | null;
}

/** A monthly estimate from list prices. Parts without a known price are listed as unknown and are not in the sum. */
export interface CostEstimate {
  readonly currency: 'CNY';
  readonly source: string;
  readonly date: string;
  readonly note: string;
  readonly lines: readonly CostLine[];
  /** Sum of the known parts. */
  readonly knownMonthly: number;
  readonly unknown: readonly string[];
}

export function estimateCost(want: Want): CostEstimate {
  const applications = want.applications.map(
    (application): CostLine => ({
      what: `SAE ${application.name} ${application.replicas} × ${application.cpu / 1000} vCPU ${application.memory / 1024} GiB`,
      monthly: Math.round(monthlyCost(application)),
    }),
  );
  const open = (isUsed: boolean, what: string): CostLine[] => (isUsed ? [{ what, monthly: null }] : []);
  const lines = [
    ...applications,
    ...open(want.database !== undefined, `RDS PostgreSQL ${want.database?.class ?? ''}`),
    ...open(want.redis !== undefined, `Redis ${want.redis?.class ?? ''}`),
    ...open(want.usesTablestore, 'Tablestore, by use'),
    ...open(want.collectsLogs, 'SLS, by volume'),
    ...open(want.volumes.length > 0, `NAS, ${want.volumes.length} file systems, by volume`),
    ...open(want.edge !== undefined, 'CLB slb.s2.medium'),
    ...open(true, 'NAT gateway and its traffic'),
  ];
  return {
    currency: priceBook.currency,
    source: priceBook.source,
    date: priceBook.date,
    note: 'list price, no discounts, 30 days of 24 hours, minimum replicas',
    lines,
    knownMonthly: lines.reduce((sum, line) => sum + (line.monthly ?? 0), 0),
    unknown: lines.filter(({ monthly }) => monthly === null).map(({ what }) => what),
  };
}
