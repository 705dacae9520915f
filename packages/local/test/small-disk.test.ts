import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { NoSmallDisk, type SmallDiskOptions, startOnSmallDisk } from '../src/index.ts'

const patience = { timeout: 20_000, interval: 20 }
const value = 'x'.repeat(10_000)

/** Where nobody may mount, the test is left out, with the reason. */
async function start(options: SmallDiskOptions, skip: (note: string) => void) {
  const redis = await startOnSmallDisk(options).catch((error: unknown) => {
    if (error instanceof NoSmallDisk) return skip(error.message)
    throw error
  })
  onTestFinished(redis!.cleanUp)
  return redis!
}

const mounts = () => execFileSync('mount', { encoding: 'utf8' })

test('an append-only file that finds no room makes writes fail until there is some', async ({ skip }) => {
  const redis = await start({ bytes: 4_000_000, appendonly: true }, skip)
  expect(await redis.ask('SET', 'k', value)).toBe('OK')
  await redis.fill()
  const refused = await vi.waitUntil(() => redis.ask('SET', 'k', value).then(() => undefined, String), patience)
  expect(refused).toContain('MISCONF')
  expect(redis.log(50).join('\n')).toMatch(/Short write|No space left on device/)
  expect(await redis.ask('GET', 'k')).toBe(value)
  await redis.free()
  await vi.waitUntil(() => redis.ask('SET', 'k', value).catch(() => undefined), patience)
})

test('a snapshot that finds no room makes writes fail until one succeeds', async ({ skip }) => {
  const redis = await start({ bytes: 4_000_000, args: { save: '3600 1000000' } }, skip)
  await redis.ask('SET', 'k', value)
  await redis.fill()
  await redis.ask('BGSAVE')
  const refused = await vi.waitUntil(() => redis.ask('SET', 'k', 'v').then(() => undefined, String), patience)
  expect(refused).toContain('MISCONF')
  await redis.free()
  await vi.waitUntil(async () => {
    await redis.ask('BGSAVE').catch(() => undefined)
    return redis.ask('SET', 'k', 'v').catch(() => undefined)
  }, patience)
})

test('the disk is of the size asked for, survives a kill, and is unmounted in the end', async ({ skip }) => {
  const redis = await start({ bytes: 1_000_000, appendonly: true, args: { appendfsync: 'always' } }, skip)
  const [, disk] = (await redis.ask('CONFIG', 'GET', 'dir')) as string[]
  expect(mounts()).toContain(disk)
  await redis.ask('SET', 'k', 'v')
  await redis.kill()
  await redis.restart()
  expect(await redis.ask('GET', 'k')).toBe('v')
  await redis.cleanUp()
  await redis.cleanUp()
  expect(mounts()).not.toContain(disk)
})

test('a start that fails unmounts the disk', async ({ skip }) => {
  // Others of this machine may mount disks meanwhile.
  const folder = mkdtempSync(join(tmpdir(), 'keyplan-mounts-'))
  onTestFinished(() => {
    vi.unstubAllEnvs()
    rmSync(folder, { recursive: true })
  })
  vi.stubEnv('TMPDIR', folder)
  const redis = await start({ bytes: 1_000_000 }, skip)
  expect(mounts()).toContain(folder)
  await redis.cleanUp()
  await expect(startOnSmallDisk({ bytes: 1_000_000, args: { nonsense: 1 } })).rejects.toThrow('nonsense')
  expect(mounts()).not.toContain(folder)
})
