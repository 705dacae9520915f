import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

// Needs the build: a plain Node process is to be the owner, and Node 20 runs no TypeScript.
const built = fileURLToPath(new URL('../dist/index.js', import.meta.url))

const twoServers = 'const servers = await Promise.all([startRedis(), startRedis()])'

/** A process that owns servers, two by default, and lives by `life`. */
async function owner(life: string, { start = twoServers, tmp = tmpdir() } = {}) {
  const child = spawn(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import { startCluster, startOnSmallDisk, startRedis, startSentinel } from ${JSON.stringify(built)}
       ${start}
       ${life}
       console.log(JSON.stringify(servers.map(({ pid, dir }) => ({ pid, dir }))))`,
    ],
    { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, TMPDIR: tmp } },
  )
  onTestFinished(() => void child.kill('SIGKILL'))
  const exit = once(child, 'exit')
  const [line] = await once(createInterface(child.stdout), 'line')
  const servers: { pid: number; dir: string }[] = JSON.parse(line)
  for (const { pid } of servers) expect(await isAlive(pid)).toBe(true)
  return { child, exit, servers }
}

/** An orphan that died may stay listed until the system collects it. */
async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  return !/\) Z /.test(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''))
}

test('whole topologies, their certificates, proxies and disks go when their owner is killed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'keyplan-test-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const { child, exit, servers } = await owner(stayAlive, {
    start: `
      const options = { tls: true, proxied: true, appendonly: true }
      const all = await Promise.all([startSentinel(options), startCluster(options)])
      const disk = await startOnSmallDisk({ bytes: 1e6 }).catch(() => startRedis())
      const servers = [...all.flatMap(({ nodes }) => nodes), disk]`,
    tmp: folder,
  })
  expect(servers).toHaveLength(13)
  child.kill('SIGKILL')
  expect(await exit).toEqual([null, 'SIGKILL'])
  await Promise.all(servers.map(goneSoon))
  while ((await readdir(folder)).length > 0) await sleep(10)
  expect(await readFile('/proc/mounts', 'utf8').catch(() => '')).not.toContain(folder)
})

/** Waits for what happens soon after; the test's own timeout is the bound. */
async function goneSoon({ pid, dir }: { pid: number; dir: string }): Promise<void> {
  while (await isAlive(pid)) await sleep(10)
  while (await stat(dir).catch(() => undefined)) await sleep(10)
}

const stayAlive = 'setInterval(() => {}, 1000)'

test.each(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  'servers and their folders go when their owner dies of %s',
  async signal => {
    const { child, exit, servers } = await owner(stayAlive)
    child.kill(signal)
    expect(await exit).toEqual([null, signal])
    await Promise.all(servers.map(goneSoon))
  },
)

test('a handler of the owner for a signal runs undisturbed, with its servers still there', async () => {
  const { child, exit, servers } = await owner(
    `process.once('SIGTERM', async () => { await servers[0].restart(); process.exit(7) }); ${stayAlive}`,
  )
  child.kill('SIGTERM')
  expect(await exit).toEqual([7, null])
  await Promise.all(servers.map(goneSoon))
})

test('servers do not keep their owner alive, and are gone when it has ended', async () => {
  const { child, exit, servers } = await owner(`process.stdin.once('data', () => process.stdin.destroy())`)
  child.stdin.write('go')
  expect(await exit).toEqual([0, null])
  await Promise.all(servers.map(goneSoon))
})
