import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    name: 'example-kushim',
    include: ['test/**/*.test.ts'],
    exclude: ['test/launch.test.ts'],
    // The tests run the built program, in processes of its own.
    globalSetup: ['test/support/build.ts'],
    // One file at a time, after the tests of the packages: each runs a small system, and promises are about time.
    maxWorkers: 1,
    sequence: { groupOrder: 1 },
    testTimeout: 60_000,
    hookTimeout: 90_000,
  },
})
