/** List prices for an offline estimate. What is not here is unknown, never zero. */
export interface PriceBook {
  readonly source: string;
  readonly date: string;
  readonly currency: 'CNY';
  /** SAE compute unit: one vCPU for a second; a GiB for a second is a quarter of it. */
  readonly perComputeUnit: number;
}

/**
 * SAE resource packages state their discount: 10 million units for CNY 360 at 70 % of the list price. The unit price
 * that follows equals the older list of 0.0030864 per core and minute.
 */
export const priceBook: PriceBook = {
  source: 'https://help.aliyun.com/zh/sae/product-overview/resource-packs-prepaid',
  date: '2024-10-08',
  currency: 'CNY',
  perComputeUnit: 360 / 0.7 / 10_000_000,
};

const secondsPerMonth = 30 * 24 * 3600;

/** Monthly list price of instances that run all the time. */
export function monthlyCost(instances: { cpu: number; memory: number; replicas: number }): number {
  const units = instances.cpu / 1000 + instances.memory / 1024 / 4;
  return units * instances.replicas * secondsPerMonth * priceBook.perComputeUnit;
}
