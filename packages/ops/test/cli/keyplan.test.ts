import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { actions } from '../../src/actions/actions.ts'
import { folderWith } from '../support/folder.ts'
import { bin, keyplan, run } from '../support/keyplan.ts'

test('its version is that of its package', async () => {
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'))
  for (const flag of ['--version', '-v']) {
    expect(await keyplan([flag]).ended).toEqual({ code: 0, out: `${version}\n`, err: '' })
  }
})

test('its help names every action, and each has its own', async () => {
  const { code, out } = await keyplan(['--help']).ended
  expect(code).toBe(0)
  for (const { name, summary, input } of actions) {
    expect(out).toContain(summary)
    const own = await keyplan([name, '--help']).ended
    expect(own.code).toBe(0)
    for (const { help } of Object.values(input)) expect(own.out).toContain(help)
  }
})

test('what it does not know is told in one line on standard error', async () => {
  const { code, out, err } = await keyplan(['confg']).ended
  expect({ code, out }).toEqual({ code: 64, out: '' })
  expect(err).toBe('keyplan: confg is no command of keyplan; did you mean config?\n')
})

test('a reader that stops early is no error', async () => {
  const folder = await folderWith({})
  const { code, out, err } = await run(
    'bash',
    ['-o', 'pipefail', '-c', `"$0" "$1" config | head -1`, process.execPath, bin],
    { folder },
  ).ended
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toMatch(/^environment development .*\n$/)
})

test('it can be run as npm links it: by its first line', async () => {
  expect(await run(bin, ['--version']).ended).toMatchObject({ code: 0 })
})
