import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { withFolder } from './folder.ts'

const run = promisify(execFile)
const library = new URL('../../dist/config/index.js', import.meta.url).href

/** What the built library says of a folder, in a Node of its own: a test runner reads TypeScript by itself. */
async function load(folder: string, source: string): Promise<unknown> {
  const code = `
    const { loadConfiguration } = await import(${JSON.stringify(library)})
    const source = { folder: ${JSON.stringify(folder)}, env: {}, ${source} }
    const said = await loadConfiguration(source).then(({ settings }) => settings.target.addresses, error => error.problems)
    console.log(JSON.stringify(said))
  `
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', code])
  return JSON.parse(stdout)
}

test('a TypeScript file needs a loader, and says so', async () => {
  const tree = "{ redis: { address: 'here:7000' } }"
  await using folder = await withFolder({ 'keyplan.ts': `const tree: object = ${tree}\nexport default tree` })
  const readable = 'typescript' in process.features && process.features.typescript !== false
  expect(await load(folder.folder, '')).toEqual(
    readable
      ? [{ host: 'here', port: 7000 }]
      : [
          expect.stringMatching(
            /^keyplan\.ts cannot be loaded: this Node reads no TypeScript; use the keyplan command/,
          ),
        ],
  )
  expect(await load(folder.folder, `loadModule: async () => ({ default: ${tree} })`)).toEqual([
    { host: 'here', port: 7000 },
  ])
})

test('the parser of YAML is loaded with a YAML file, and not before', async () => {
  await using folder = await withFolder({ 'keyplan.json': '{}', 'other.yaml': 'redis: { address: here }' })
  const code = `
    const { createRequire } = await import('node:module')
    const { cache } = createRequire(import.meta.url)
    const { loadConfiguration } = await import(${JSON.stringify(library)})
    const loaded = () => Object.keys(cache).some(path => path.includes('/node_modules/yaml/'))
    const folder = ${JSON.stringify(folder.folder)}
    await loadConfiguration({ folder, env: {} })
    const before = loaded()
    await loadConfiguration({ folder, env: {}, file: 'other.yaml' })
    console.log(JSON.stringify([before, loaded()]))
  `
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', code])
  expect(JSON.parse(stdout)).toEqual([false, true])
})
