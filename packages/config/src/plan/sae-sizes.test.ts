import { expect, test } from 'vitest';
import { publishedSizes } from './published-sizes.ts';
import { isLegalSize, nearestLegalSizes } from './sae-sizes.ts';

test('every published instance has a size that SAE offers', () => {
  for (const { services } of publishedSizes) {
    for (const size of Object.values(services)) expect(isLegalSize(size)).toBe(true);
  }
});

test('between two sizes that cover the wanted one the cheaper comes first', () => {
  expect(isLegalSize({ cpuMillicores: 8_000, memoryMb: 32_768 })).toBe(false);
  expect(nearestLegalSizes({ cpuMillicores: 8_000, memoryMb: 32_768 })).toEqual([
    { cpuMillicores: 16_000, memoryMb: 32_768 },
    { cpuMillicores: 8_000, memoryMb: 65_536 },
  ]);
  expect(nearestLegalSizes({ cpuMillicores: 64_000, memoryMb: 1 })).toEqual([
    { cpuMillicores: 32_000, memoryMb: 131_072 },
  ]);
});
