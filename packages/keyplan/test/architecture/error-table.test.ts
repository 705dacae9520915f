import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { errorTable } from '../../src/index.ts'

/** The cells of each row that begins with a code. */
function documented(): string[][] {
  const page = readFileSync(new URL('../../../../docs/connecting.md', import.meta.url), 'utf8')
  const [, section = ''] = page.split(/^## Errors$/m)
  return section
    .split(/^## /m)[0]!
    .split('\n')
    .filter(line => line.startsWith('| `'))
    .map(line =>
      line
        .slice(1, -1)
        .split('|')
        .map(cell => cell.trim()),
    )
}

test('docs/connecting.md has the table of errors, row for row', () => {
  const rows = Object.entries(errorTable).map(([code, { class: kind, http, exit, retryable }]) => [
    `\`${code}\``,
    kind,
    String(http),
    String(exit),
    retryable ? 'yes' : 'no',
  ])
  expect(documented()).toEqual(rows)
})
