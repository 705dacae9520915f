import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { processTerminal } from '../../src/cli/terminal.ts'

function painted(env: NodeJS.ProcessEnv, isTTY: boolean): string {
  const stream = () => Object.assign(new PassThrough(), { isTTY })
  const process = { stdin: stream(), stdout: stream(), stderr: stream(), env }
  const { out } = processTerminal(process as unknown as NodeJS.Process)
  return out.paint('bold', 'text')
}

test('colours are for terminals, and NO_COLOR turns them off unless it is empty', () => {
  expect(painted({}, true)).toBe('\u001b[1mtext\u001b[22m')
  expect(painted({ NO_COLOR: '' }, true)).toContain('\u001b[')
  expect(painted({ NO_COLOR: '1' }, true)).toBe('text')
  expect(painted({ TERM: 'dumb' }, true)).toBe('text')
  expect(painted({}, false)).toBe('text')
})

test('what nobody reads any more is no error, and any other failure of writing is', () => {
  const stdout = Object.assign(new PassThrough(), { isTTY: false })
  const process = { stdin: new PassThrough(), stdout, stderr: new PassThrough(), env: {} }
  const { out } = processTerminal(process as unknown as NodeJS.Process)
  out.line('one')
  stdout.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
  out.line('two')
  expect(String(stdout.read())).toBe('one\n')
  expect(() => stdout.emit('error', Object.assign(new Error('full'), { code: 'ENOSPC' }))).toThrow(
    'nothing can be written: ENOSPC',
  )
})

test('a person is asked only at a terminal', () => {
  const streams = (isTTY: boolean) => ({
    stdin: Object.assign(new PassThrough(), { isTTY }),
    stdout: new PassThrough(),
    stderr: Object.assign(new PassThrough(), { isTTY }),
    env: {},
  })
  expect(processTerminal(streams(true) as unknown as NodeJS.Process).ask).toBeDefined()
  expect(processTerminal(streams(false) as unknown as NodeJS.Process).ask).toBeUndefined()
})
