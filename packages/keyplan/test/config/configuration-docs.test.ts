import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Setting } from '../../src/config/setting.ts'
import { table } from '../../src/config/table/table.ts'

const root = new URL('../../../../', import.meta.url)
const settings: readonly Setting[] = table

test('docs/configuration.md has the tables that are made from the table of settings', async () => {
  const script = new URL('scripts/configuration-docs.mjs', root).href
  const { render }: { render(text: string, settings: readonly Setting[]): string } = await import(script)
  const page = readFileSync(new URL('docs/configuration.md', root), 'utf8')
  expect(page).toBe(render(page, settings))
  for (const { path, env = {}, option } of settings) {
    for (const name of [option ?? path, ...Object.keys(env)]) expect(page).toContain(`\`${name}\``)
  }
})

test('no setting, and no option, is there twice', () => {
  const paths = settings.map(({ path }) => path)
  const options = settings.flatMap(({ option }) => option ?? [])
  expect(new Set(paths).size).toBe(paths.length)
  expect(new Set(options).size).toBe(options.length)
})
