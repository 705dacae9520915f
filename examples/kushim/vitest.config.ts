import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    name: 'kushim',
    include: ['test/**/*.test.ts'],
    // The tests run the built program, in processes of its own.
    globalSetup: ['test/support/build.ts'],
    testTimeout: 60_000,
    hookTimeout: 90_000,
  },
})
