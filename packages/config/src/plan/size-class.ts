import {
  type InstanceSize,
  type PublishedSize,
  publishedSizes,
  type SizedService,
} from './published-sizes.ts';
import type { Sheet } from './sheet.ts';

/** The published classes around a load: `upper` carries it, `lower` does not. */
export interface SizeClass {
  readonly upper: PublishedSize;
  readonly lower: PublishedSize | undefined;
}

/** Finds the classes around `qps`, which the schema keeps at or below the largest one. */
export function sizeClassOf(qps: number): SizeClass {
  const index = publishedSizes.findIndex((size) => size.qps >= qps);
  const upper = publishedSizes[index] ?? publishedSizes.at(-1);
  if (upper === undefined) throw new Error('no published sizes');
  return { upper, lower: publishedSizes[index - 1] };
}

export function instanceSizeOf({ upper }: SizeClass, service: SizedService): InstanceSize {
  const { cpuMillicores, memoryMb } = upper.services[service];
  return { cpuMillicores, memoryMb };
}

/**
 * Replicas of a service: the published number at a class, in proportion to the load between two classes, and never
 * fewer than the class below needs.
 */
export function planReplicas(sheet: Sheet, size: SizeClass, qps: number, service: SizedService): number {
  const { upper, lower } = size;
  const published = upper.services[service].replicas;
  const key = `${service}.replicas`;
  if (qps === upper.qps) return sheet.publish(key, 'instances', `published for ${qps} runs/s`, published);
  const least = lower?.services[service].replicas ?? 1;
  return sheet.derive(
    key,
    'instances',
    'max(lower.replicas, ceil(upper.replicas × load.qps / upper.qps))',
    { 'lower.replicas': least, 'upper.replicas': published, 'load.qps': qps, 'upper.qps': upper.qps },
    Math.max(least, Math.ceil((published * qps) / upper.qps)),
  );
}
