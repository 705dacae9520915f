import { defineConfig } from 'vitest/config'

/** How it starts and ends takes its time and promises none: beside the tests of the packages. */
export default defineConfig({
  test: {
    name: 'example-kushim-launch',
    include: ['test/launch.test.ts'],
    globalSetup: ['test/support/build.ts'],
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 90_000,
  },
})
