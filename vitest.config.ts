import { defineConfig } from 'vitest/config';

/** Groups run one after another: what measures time-outs of real processes must not share the machine with unit tests. */
export default defineConfig({
  test: {
    passWithNoTests: true,
    coverage: { provider: 'v8', include: ['packages/*/src/**', 'apps/*/src/**'] },
    projects: [
      {
        test: {
          name: 'unit',
          sequence: { groupOrder: 0 },
          include: [
            '{packages,apps,bench}/*/src/**/*.test.ts',
            'bench/src/**/*.test.ts',
            'test/*.test.ts',
            'test/src/*.test.ts',
          ],
          exclude: ['**/*.e2e.test.ts', '**/*.containers.test.ts', '**/node_modules/**'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'e2e',
          sequence: { groupOrder: 1 },
          include: ['test/**/*.e2e.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          globalSetup: ['test/src/build-apps.ts'],
        },
      },
      {
        test: {
          name: 'compat',
          sequence: { groupOrder: 2 },
          include: ['test/compat/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
          globalSetup: ['test/src/build-apps.ts'],
        },
      },
      {
        test: {
          name: 'containers',
          sequence: { groupOrder: 3 },
          include: ['{packages,apps}/*/src/**/*.containers.test.ts', 'test/**/*.containers.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
