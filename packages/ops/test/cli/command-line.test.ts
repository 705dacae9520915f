import { KeyplanError } from 'keyplan'
import { describe, expect, test } from 'vitest'
import { defineAction } from '../../src/actions/action.ts'
import { runCommandLine } from '../../src/cli/command-line.ts'

/** Runs a command line over a table of this test. */
async function cli(argv: readonly string[], { answer, env = {} }: { answer?: string; env?: NodeJS.ProcessEnv } = {}) {
  const calls: unknown[] = []
  const asked: string[] = []
  const out: string[] = []
  const err: string[] = []
  const actions = [
    defineAction({
      name: 'wipe',
      summary: 'Removes everything.',
      input: { pattern: { kind: 'text', operand: true, help: 'what to remove' } },
      effect: 'destructive',
      run: async input => {
        calls.push(input)
        return { data: { removed: 3 }, text: () => 'removed 3' }
      },
    }),
    defineAction({
      name: 'look',
      summary: 'Shows something.',
      details: 'It is only a look.',
      examples: ['keyplan look --how-deep 3'],
      input: {
        howDeep: { kind: 'port', default: 5, help: 'how deep' },
        mode: { kind: 'choice', choices: { fast: 'not all of it', whole: 'all of it' }, help: 'how' },
        quiet: { kind: 'flag', help: 'says less' },
      },
      effect: 'read',
      run: async input => {
        calls.push(input)
        return { data: input, text: paint => paint('bold', `deep ${input.howDeep}`), exitCode: input.quiet ? 3 : 0 }
      },
    }),
    defineAction({
      name: 'fall',
      summary: 'Fails.',
      input: { how: { kind: 'text', operand: true, help: 'how' } },
      effect: 'read',
      run: async ({ how }) => {
        if (how === 'badly') throw new TypeError('a bug')
        throw new KeyplanError('AUTH_FAILED', 'not let in', { problems: ['one', 'two'] })
      },
    }),
  ]
  const plain = (_: string, text: string) => text
  const code = await runCommandLine(argv, actions, {
    env,
    folder: '/',
    terminal: {
      out: { line: text => out.push(text), paint: plain },
      err: { line: text => err.push(text), paint: plain },
      ask:
        answer === undefined
          ? undefined
          : async question => {
              asked.push(question)
              return answer
            },
    },
  })
  return { code, calls, asked, out: out.join('\n'), err: err.join('\n') }
}

describe('an action that cannot be taken back', () => {
  test.each(['y', 'YES', ' yes '])('is run after a person said %j', async answer => {
    const { code, calls, asked, out } = await cli(['wipe', 'a:*'], { answer })
    expect({ code, calls, out }).toEqual({ code: 0, calls: [{ pattern: 'a:*' }], out: 'removed 3' })
    expect(asked).toEqual([expect.stringContaining('Removes everything.\nThis cannot be taken back')])
  })

  test.each(['', 'n', 'yesterday'])('is not run after a person said %j', async answer => {
    const { code, calls, err } = await cli(['wipe'], { answer })
    expect({ code, calls, err }).toEqual({ code: 130, calls: [], err: 'keyplan: keyplan wipe was not confirmed' })
  })

  test('is not run where nobody can be asked, unless --yes is written', async () => {
    const refused = await cli(['wipe'])
    expect(refused).toMatchObject({ code: 64, calls: [] })
    expect(refused.err).toContain('write --yes where nobody can be asked')
    expect(await cli(['wipe', '--yes'])).toMatchObject({ code: 0, calls: [{ pattern: undefined }] })
    expect(await cli(['wipe', '--yes'], { answer: 'n' })).toMatchObject({ code: 0, asked: [] })
  })

  test('is asked for by its help to be confirmed, and no other action takes --yes', async () => {
    expect((await cli(['wipe', '--help'])).out).toMatch(/--yes +does not ask first/)
    expect(await cli(['look', '--yes'])).toMatchObject({ code: 64, calls: [] })
    expect(await cli(['look'], { answer: 'n' })).toMatchObject({ code: 0, asked: [] })
  })
})

describe('the input of an action', () => {
  test('is read by its options, with their defaults', async () => {
    expect((await cli(['look'])).calls).toEqual([{ howDeep: 5, mode: undefined, quiet: false }])
    const given = await cli(['look', '--how-deep=7', '--mode', 'whole', '--quiet'])
    expect(given).toMatchObject({ code: 3, calls: [{ howDeep: 7, mode: 'whole', quiet: true }], out: 'deep 7' })
    expect(JSON.parse((await cli(['look', '--json'])).out)).toEqual({ howDeep: 5, quiet: false })
  })

  test.each([
    [['look', '--how-deep'], '--how-deep needs a value'],
    [['look', '--how-deep', '--quiet'], '--how-deep needs a value'],
    [['look', '--how-deep', '70000'], '--how-deep is no port'],
    [['look', '--quiet=yes'], '--quiet is a switch and takes no value'],
    [['look', '--mode', 'hole'], '--mode is none of fast, whole; did you mean whole?'],
    [['look', '--hwo-deep', '3'], '--hwo-deep is no option of keyplan look; did you mean --how-deep?'],
    [['look', '--nothing-like-it'], '--nothing-like-it is no option of keyplan look; see keyplan look --help'],
    [['look', 'around'], 'around is one word too many; see keyplan look --help'],
    [['look', '--', 'ls'], 'keyplan look runs no command: leave out --'],
    [['lok'], 'lok is no command of keyplan; did you mean look?'],
    [['something'], 'something is no command of keyplan; there is wipe, look, fall'],
  ])('that is wrong is told, with exit code 64: %j', async (argv, said) => {
    const { code, calls, err, out } = await cli(argv)
    expect({ code, calls, out }).toEqual({ code: 64, calls: [], out: '' })
    expect(err).toContain(`keyplan: ${said}`)
    expect(err.split('\n')).toHaveLength(1)
  })

  test.each([
    ['--password', 's3cret'],
    ['--password=s3cret'],
    ['--redis-token=s3cret'],
    ['-as3cret'],
    ['redis://:s3cret@host'],
  ])('is never a secret, and no argument is shown: %s', async (...words) => {
    const { code, calls, err, out } = await cli(['look', ...words])
    expect({ code, calls, out }).toEqual({ code: 64, calls: [], out: '' })
    expect(err).not.toContain('s3cret')
    if (/pass|token/.test(words[0])) expect(err).toContain('set REDIS_PASSWORD, or REDIS_PASSWORD_FILE')
  })
})

describe('help', () => {
  test('is derived from the table', async () => {
    const all = await cli(['--help'])
    expect(all.code).toBe(0)
    for (const line of [/wipe +Removes everything\./, /look +Shows something\./, /--version/])
      expect(all.out).toMatch(line)
    for (const argv of [
      ['look', '--help'],
      ['help', 'look'],
      ['look', '-h'],
      ['look', '--how-deep', 'x', '--help'],
    ]) {
      const { code, out } = await cli(argv)
      expect(code).toBe(0)
      expect(out).toContain('Usage: keyplan look [options]')
      expect(out).toMatch(/--how-deep <port> +how deep \(default: 5\)/)
      expect(out).toMatch(/whole: all of it/)
      expect(out).toContain('$ keyplan look --how-deep 3')
    }
  })

  test('is what a line without a command gets, as an error', async () => {
    const { code, out, err } = await cli([])
    expect({ code, out }).toEqual({ code: 64, out: '' })
    expect(err).toContain('Usage: keyplan <command> [options]')
  })
})

describe('a failure', () => {
  test('is one line and the exit code of its table', async () => {
    expect(await cli(['fall'])).toMatchObject({ code: 77, out: '', err: 'keyplan: not let in' })
    expect(await cli(['fall', 'badly'])).toMatchObject({ code: 70, err: 'keyplan: a bug' })
  })

  test('is JSON for a program', async () => {
    const { code, out, err } = await cli(['fall', '--json'])
    expect({ code, err }).toEqual({ code: 77, err: '' })
    expect(JSON.parse(out)).toEqual({ error: { code: 'AUTH_FAILED', message: 'not let in', problems: ['one', 'two'] } })
  })

  test('shows where it came from only when that was asked for', async () => {
    expect((await cli(['fall', 'badly'], { env: { KEYPLAN_DEBUG: '0' } })).err).not.toContain(' at ')
    expect((await cli(['fall', 'badly'], { env: { KEYPLAN_DEBUG: '1' } })).err).toMatch(/TypeError: a bug\n +at /)
  })
})
