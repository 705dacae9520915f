import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    name: 'example-kushim',
    include: ['test/**/*.test.ts'],
    // The tests run the built program, in processes of its own.
    globalSetup: ['test/support/build.ts'],
    // Two files at a time, after the tests of the packages: each runs a small system, and promises are about time.
    maxWorkers: 2,
    sequence: { groupOrder: 1 },
    testTimeout: 60_000,
    hookTimeout: 90_000,
  },
})
