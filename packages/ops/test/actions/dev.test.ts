import { portHolder, startRedis } from '@keyplan/local'
import { expect, test } from 'vitest'
import { folderWith, library, planText } from '../support/folder.ts'
import { bin, keyplan, lives, pidsIn, run, untilGone } from '../support/keyplan.ts'

const client = `import { cache, definePlan, text } from '${library.plan}'
import { connect } from '${library.client}'
const plan = definePlan('dev', { page: cache('page:<id>', { ttl: '1m', value: text() }) })
const redis = await connect(plan, { start: 'required' })
await Promise.all([1, 2, 3, 4, 5, 6].map(id => redis.page({ id: String(id) }).set('page ' + id)))
const pages = await Promise.all([1, 2, 3, 4, 5, 6].map(id => redis.page({ id: String(id) }).get()))
console.log(redis.$status.state, pages.join())
await redis.$close()
`
const served = 'connected page 1,page 2,page 3,page 4,page 5,page 6\n'

test.each([
  ['standalone', [], 1],
  ['standalone', ['--tls'], 1],
  ['replica', [], 2],
  ['sentinel', [], 6],
  ['sentinel', ['--tls'], 6],
  ['cluster', [], 6],
  ['cluster', ['--tls'], 6],
] as const)('%s %j serves a client that is told its variables alone, and ends with it', async (name, flags, count) => {
  const folder = await folderWith({ 'client.mjs': client })
  const words = ['dev', '--topology', name, ...flags, '--', process.execPath, 'client.mjs']
  const { code, out, err } = await keyplan(words, { folder }).ended
  expect({ code, out }, err).toEqual({ code: 0, out: served })
  expect(err).toContain(`${name} is ready after`)
  // No warning of a variable, such as one that is not used.
  expect(err).not.toContain('is not used')
  expect(pidsIn(err)).toHaveLength(count)
  expect(pidsIn(err).filter(lives)).toEqual([])
})

test('it prints the URL and the lines for a shell, and as JSON for a program', async () => {
  const program = keyplan(['dev'])
  await program.said('Ctrl-C stops all of it.')
  expect(program.out).toMatch(
    /^standalone is ready after [\d.]+ s: (redis:\/\/127\.0\.0\.1:\d+)\n\n {2}export REDIS_URL=\1\n/,
  )

  const other = keyplan(['dev', '--topology', 'sentinel', '--json'])
  await other.said('}\n')
  const { environment, servers, ...told } = JSON.parse(other.out)
  expect(told).toMatchObject({ topology: 'sentinel', url: environment.REDIS_URL, plan: null })
  expect(environment.REDIS_URL).toMatch(/^redis:\/\/(127\.0\.0\.1:\d+,?){3}\?sentinelMasterId=mymaster$/)
  for (const { port, pid } of servers) expect(await portHolder(port)).toMatchObject({ pid })
})

test('a plan is read, TypeScript too, and listed with its patterns', async () => {
  const folder = await folderWith({ 'shop.plan.ts': planText })
  const program = keyplan(['dev', 'shop.plan.ts'], { folder })
  await program.said('Ctrl-C stops')
  expect(program.out).toMatch(/plan shop\n +page {2}page:<id>\n/)
})

test.each([
  ['bad.plan.ts', planText.replace('page:<id>', 'page:<id'), 78, /page:<id/],
  [
    'none.plan.ts',
    'export default {}',
    78,
    /none\.plan\.ts exports no plan by default: write export default definePlan/,
  ],
  ['broken.plan.ts', 'export default oops', 78, /broken\.plan\.ts cannot be loaded: ReferenceError/],
  ['start', '', 64, /start is no module with a plan.*; write -- before a command/],
])('a plan that is none is told before anything starts: %s', async (file, text, code, said) => {
  const folder = await folderWith({ [file]: text })
  const ended = await keyplan(['dev', file], { folder }).ended
  expect(ended).toMatchObject({ code, out: '' })
  expect(ended.err).toMatch(said)
  expect(ended.err).not.toMatch(/starting|\n +at /)
})

test('a server is given the port that was asked for, and a taken one is named with its holder', async () => {
  await using redis = await startRedis()
  const taken = await keyplan(['dev', '--port', String(redis.port)]).ended
  expect(taken).toMatchObject({ code: 69, out: '' })
  expect(taken.err).toContain(`port ${redis.port} is taken by redis-server 127.0.0.1:${redis.port} (pid ${redis.pid})`)
  await redis.cleanUp()
  const program = keyplan(['dev', '--port', String(redis.port)])
  await program.said('Ctrl-C stops')
  expect(program.out).toContain(`redis://127.0.0.1:${redis.port}\n`)

  const many = await keyplan(['dev', '--port', '7000', '--topology', 'cluster']).ended
  expect(many).toMatchObject({ code: 64, out: '' })
  expect(many.err).toContain('the servers of cluster choose free ports')
})

test('no redis-server, or one that is too old, is one line with the remedy', async () => {
  const old = await folderWith({ 'redis-server': '' })
  await run('sh', [
    '-c',
    `printf '#!/bin/sh\\necho Redis server v=6.2.14\\n' > "$0"; chmod +x "$0"`,
    `${old}/redis-server`,
  ]).ended
  for (const [program, said] of [
    [
      '/nowhere/redis-server',
      '/nowhere/redis-server is no redis-server that runs: install Redis 7.0 or newer (apt-get',
    ],
    [`${old}/redis-server`, 'is Redis 6.2.14: install 7.0 or newer'],
  ] as const) {
    const { code, out, err } = await keyplan(['dev', '--redis-server', program]).ended
    expect({ code, out }).toEqual({ code: 69, out: '' })
    expect(err.trimEnd().split('\n').at(-1)).toContain(said)
    expect(err).not.toMatch(/\n +at /)
  }
})

test('a server that is killed is started again, with what it held', async () => {
  const program = keyplan(['dev'])
  await program.said('Ctrl-C stops')
  const url = /redis:\/\/\S+/.exec(program.out)![0]
  const folder = await folderWith({ 'client.mjs': client })
  const use = () => run(process.execPath, ['client.mjs'], { folder, env: { REDIS_URL: url } }).ended
  expect(await use()).toMatchObject({ code: 0, out: served })
  const [pid] = pidsIn(program.out)
  process.kill(pid!, 'SIGKILL')
  await program.said('is back (pid ')
  expect(await use()).toMatchObject({ code: 0, out: served })
  const [again] = pidsIn(program.err)
  expect(lives(again!)).toBe(true)
  program.child.kill('SIGTERM')
  await program.ended
  await untilGone([pid!, again!])
})

test('it can be run from the program that npm links', async () => {
  expect(await run(bin, ['dev', '--', 'true']).ended).toMatchObject({ code: 0, out: '' })
})
