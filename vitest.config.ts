import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/build.ts'],
    pool: 'forks',
    // Tests start many programs; more workers than this only wait for each other on a small machine.
    maxWorkers: 2,
    // DataLad needs a second or more per call, and interop tests make many.
    testTimeout: 120_000,
    hookTimeout: 240_000,
    teardownTimeout: 30_000,
  },
});
