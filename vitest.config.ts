import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const packaging = '**/test/packaging/**/*.test.ts'

export default defineConfig({
  resolve: {
    // Tests start their servers from the source, so that most of them need no build.
    alias: { '@keyplan/local': fileURLToPath(new URL('packages/local/src/index.ts', import.meta.url)) },
  },
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    projects: [
      // Each example is an application of its own, with a configuration of its own.
      'examples/*',
      {
        extends: true,
        test: {
          name: 'tests',
          include: ['packages/*/test/**/*.test.ts', 'bench/test/**/*.test.ts'],
          exclude: [packaging, '**/node_modules/**', '**/dist/**'],
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
