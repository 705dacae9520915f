import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { folderWith } from '../support/folder.ts'
import { bin, keyplan, lives, pidsIn, run, untilGone } from '../support/keyplan.ts'

/** A program that starts another one, says who both are, and goes on for ever. */
const endless = ['sh', '-c', 'sleep 1000 & echo "(pid $$) (pid $!) up"; wait']

describe('nothing is left when it', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('is told to end by %s', async signal => {
    const program = keyplan(['dev', '--topology', 'replica'])
    await program.said('Ctrl-C stops')
    program.child.kill(signal)
    expect(await program.ended).toMatchObject({ code: 0, err: expect.stringMatching(/stopped\n$/) })
    expect(pidsIn(program.out)).toHaveLength(2)
    expect(pidsIn(program.out).filter(lives)).toEqual([])
  })

  test('is told to end before its servers stand', async () => {
    const program = keyplan(['dev', '--topology', 'cluster', '--json'])
    while (!(await redisChildren(program.child.pid!)).length) await sleep(5)
    const started = await redisChildren(program.child.pid!)
    program.child.kill('SIGINT')
    expect(await program.ended).toMatchObject({ code: 0, out: '' })
    expect(started.filter(lives)).toEqual([])
  })

  test('is killed, and neither is what it has run', async () => {
    const folder = await folderWith({})
    const program = keyplan(['dev', '--write-env', 'redis.env', '--', ...endless], { folder })
    await program.said('up\n')
    const pids = [...pidsIn(program.out), ...pidsIn(program.err)]
    expect(pids).toHaveLength(3)
    expect(pids.every(lives)).toBe(true)
    expect(existsSync(join(folder, 'redis.env'))).toBe(true)
    program.child.kill('SIGKILL')
    await untilGone(pids)
    while (existsSync(join(folder, 'redis.env'))) await sleep(10)
  })

  test('loses its parent', async () => {
    const parent = run('sh', ['-c', `"$0" "$1" dev & echo "(pid $!)"; wait`, process.execPath, bin])
    await parent.said('Ctrl-C stops')
    const pids = pidsIn(parent.out)
    expect(pids).toHaveLength(2)
    parent.child.kill('SIGKILL')
    await untilGone(pids)
  })
})

describe('a program that it runs', () => {
  test('gets the variables in place of those of any other server, and its output is its own', async () => {
    const env = {
      REDIS_PASSWORD: 's3cret',
      REDIS_CLUSTER_NODES: 'other.example:7000',
      REDIS_URL: 'redis://other.example',
      REDIS_KEY_PREFIX: 'mine:',
    }
    const { code, out, err } = await keyplan(['dev', '--', 'env'], { env }).ended
    expect(code).toBe(0)
    expect(out).toMatch(/^REDIS_URL=redis:\/\/127\.0\.0\.1:\d+$/m)
    expect(out).toMatch(/^REDIS_KEY_PREFIX=mine:$/m)
    expect(out).not.toMatch(/REDIS_PASSWORD|REDIS_CLUSTER_NODES|ready|stopped/)
    expect(err).toContain('set aside: REDIS_PASSWORD REDIS_CLUSTER_NODES')
    expect(err).not.toContain('s3cret')
  })

  test.each([
    ['exit 7', 7],
    ['kill -9 $$', 137],
    ['exit 0', 0],
  ])('gives it its exit code: %s', async (script, code) => {
    const ended = await keyplan(['dev', '--', 'sh', '-c', script]).ended
    expect(ended.code).toBe(code)
    expect(pidsIn(ended.err).filter(lives)).toEqual([])
  })

  test('is told what it is told, may finish, and takes what it has started with it', async () => {
    const script = `trap 'echo finished; exit 5' INT; ${endless[2]}`
    const program = keyplan(['dev', '--', 'sh', '-c', script])
    await program.said('up\n')
    const pids = [...pidsIn(program.out), ...pidsIn(program.err)]
    program.child.kill('SIGINT')
    const { code, out } = await program.ended
    expect({ code, out }).toEqual({ code: 5, out: expect.stringMatching(/finished\n$/) })
    expect(pids).toHaveLength(3)
    expect(pids.filter(lives)).toEqual([])
  })

  test('that will not end is ended by who asks twice', async () => {
    const program = keyplan(['dev', '--', 'sh', '-c', `trap '' INT TERM; ${endless[2]}; while :; do sleep 1; done`])
    await program.said('up\n')
    const pids = [...pidsIn(program.out), ...pidsIn(program.err)]
    program.child.kill('SIGINT')
    // npm and the terminal may both tell of one Ctrl-C: what follows at once is the same one.
    program.child.kill('SIGINT')
    await sleep(1_100)
    expect(pids.every(lives)).toBe(true)
    program.child.kill('SIGINT')
    expect((await program.ended).code).toBe(130)
    await untilGone(pids)
  })

  test('that is not there is told in one line', async () => {
    const { code, out, err } = await keyplan(['dev', '--', 'no-such-program']).ended
    expect({ code, out }).toEqual({ code: 64, out: '' })
    expect(err).toMatch(/keyplan: no-such-program cannot be run: there is no such program\n$/)
    expect(pidsIn(err).filter(lives)).toEqual([])
  })
})

describe('the file of variables', () => {
  test('is for this user only, understood by shells, and gone at the end', async () => {
    const folder = await folderWith({})
    const file = join(folder, 'redis.env')
    const script = 'set -a; unset REDIS_URL; . ./redis.env; echo "$REDIS_URL"'
    const words = [
      'dev',
      '--topology',
      'sentinel',
      '--write-env',
      'redis.env',
      '--',
      'sh',
      '-c',
      `${script}; stat -c %a redis.env`,
    ]
    const { code, out } = await keyplan(words, { folder }).ended
    expect(code).toBe(0)
    expect(out).toMatch(/^redis:\/\/\S+\?sentinelMasterId=mymaster\n600\n$/)
    expect(existsSync(file)).toBe(false)
  })

  test('takes the place of none that somebody else wrote', async () => {
    const folder = await folderWith({ '.env': 'KEEP=me\n' })
    const { code, err } = await keyplan(['dev', '--write-env', '.env', '--', 'true'], { folder }).ended
    expect(code).toBe(64)
    expect(err).toContain('--write-env .env is there already')
    expect(await readFile(join(folder, '.env'), 'utf8')).toBe('KEEP=me\n')
    expect((await stat(join(folder, '.env'))).isFile()).toBe(true)
    const nowhere = await keyplan(['dev', '--write-env', 'no/such/folder/env', '--', 'true'], { folder }).ended
    expect(nowhere.code).toBe(64)
    expect(nowhere.err).toContain('--write-env no/such/folder/env cannot be written: ENOENT')
    expect(pidsIn(nowhere.err).filter(lives)).toEqual([])
  })
})

/** The redis-servers that a process has started, as `ps` lists them. */
async function redisChildren(parent: number): Promise<number[]> {
  const { out } = await run('ps', ['-eo', 'pid=,ppid=,comm=']).ended
  const rows = out
    .trim()
    .split('\n')
    .map(line => line.trim().split(/\s+/))
  return rows.filter(([, ppid, name]) => Number(ppid) === parent && name === 'redis-server').map(([pid]) => Number(pid))
}
