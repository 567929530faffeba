import type { InstanceSize } from './published-sizes.ts';

/** Pairs of processor and memory that SAE offers, by memory in MB (vendor's price API, January to April 2026). */
const cpusByMemory: Readonly<Record<number, readonly number[]>> = {
  1024: [500, 1000],
  2048: [500, 1000, 2000],
  4096: [1000, 2000, 4000],
  8192: [2000, 4000, 8000],
  12288: [12000],
  16384: [4000, 8000, 16000],
  24576: [12000],
  32768: [16000],
  65536: [8000, 16000, 32000],
  131072: [32000],
};

/** Every size that SAE offers, smallest memory first. */
export const saeSizes: readonly InstanceSize[] = Object.entries(cpusByMemory).flatMap(([memory, cpus]) =>
  cpus.map((cpuMillicores) => ({ cpuMillicores, memoryMb: Number(memory) })),
);

export function isLegalSize({ cpuMillicores, memoryMb }: InstanceSize): boolean {
  return cpusByMemory[memoryMb]?.includes(cpuMillicores) ?? false;
}

/** SAE's compute units per second: a processor counts one, a GiB a quarter. */
function computeUnits({ cpuMillicores, memoryMb }: InstanceSize): number {
  return cpuMillicores / 1000 + memoryMb / 1024 / 4;
}

/** At most two offered sizes that cover the wanted one, cheapest first; the largest size when none does. */
export function nearestLegalSizes(wanted: InstanceSize): InstanceSize[] {
  const covering = saeSizes
    .filter(
      ({ cpuMillicores, memoryMb }) => cpuMillicores >= wanted.cpuMillicores && memoryMb >= wanted.memoryMb,
    )
    .toSorted((left, right) => computeUnits(left) - computeUnits(right));
  return covering.length === 0 ? saeSizes.slice(-1) : covering.slice(0, 2);
}
