import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const packaging = '**/test/packaging/**/*.test.ts'
const longFaults = '**/test/faults/long/**/*.test.ts'

export default defineConfig({
  resolve: {
    // Tests start their servers from the source, so that most of them need no build.
    alias: { '@keyplan/local': fileURLToPath(new URL('packages/local/src/index.ts', import.meta.url)) },
  },
  test: {
    pool: 'forks',
    // Promises are about time: more workers than a small machine has cores would be late by themselves.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    diff: { truncateThreshold: 40 },
    projects: [
      // Each example is an application of its own, with configurations of its own.
      'examples/*/vitest*.config.ts',
      {
        extends: true,
        test: {
          name: 'tests',
          include: ['packages/*/test/**/*.test.ts', 'bench/test/**/*.test.ts'],
          exclude: [packaging, longFaults, '**/node_modules/**', '**/dist/**'],
        },
      },
      {
        // Takes its time, and prints what it measured: `npm run test:faults`.
        extends: true,
        test: {
          name: 'faults-long',
          include: [longFaults],
          exclude: ['**/node_modules/**', '**/dist/**'],
          fileParallelism: false,
          testTimeout: 900_000,
          hookTimeout: 120_000,
        },
      },
      {
        // Installs the packed library from the registry: slow, and in need of one.
        extends: true,
        test: { name: 'packaging', include: [packaging], testTimeout: 180_000, hookTimeout: 180_000 },
      },
    ],
  },
})
