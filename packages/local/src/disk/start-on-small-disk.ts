import { execFile } from 'node:child_process'
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Folder, temporaryFolder } from '../server/folder.ts'
import type { ServerOptions } from '../server/redis-configuration.ts'
import type { RedisProcess } from '../server/redis-process.ts'
import { startServer } from '../server/start-server.ts'

/** This machine or user cannot mount a disk; the message says why. */
export class NoSmallDisk extends Error {
  constructor(why: string) {
    super(`no disk of its own can be had for a server: ${why}`)
    this.name = 'NoSmallDisk'
  }
}

export interface SmallDiskOptions extends ServerOptions {
  /** The size of the disk. The system rounds it up to whole pages. */
  bytes: number
}

/** A server whose data files, but not its configuration and log, are on a disk of their own. */
export interface RedisOnSmallDisk extends RedisProcess {
  /** Takes every byte that is left. A file of the server can still grow to the end of its last page of 4096 bytes. */
  fill(): Promise<void>
  /** Gives back what `fill` took. */
  free(): Promise<void>
}

/**
 * Starts a server that writes to a tmpfs of `bytes` bytes, gone with it, also when this process is killed. Needs Linux
 * and the right to mount, which root has outside of most containers.
 *
 * @throws NoSmallDisk where it cannot be mounted
 * @throws Error as `startRedis`
 */
export async function startOnSmallDisk({ bytes, ...options }: SmallDiskOptions): Promise<RedisOnSmallDisk> {
  const folder = await temporaryFolder('disk')
  const disk = join(folder.path, 'disk')
  try {
    await mount(folder, disk, bytes)
    const server = await startServer(options, { dataDir: disk })
    const filler = join(disk, 'filler')
    const { cleanUp: endServer } = server
    const cleanUp = async () => {
      await endServer()
      await unmount(folder, disk)
    }
    return Object.assign(server, {
      fill: () => fill(filler),
      free: () => rm(filler, { force: true }),
      cleanUp,
      [Symbol.asyncDispose]: cleanUp,
    })
  } catch (error) {
    await unmount(folder, disk)
    throw error
  }
}

const run = promisify(execFile)

async function mount({ guardian }: Folder, disk: string, bytes: number): Promise<void> {
  if (process.platform !== 'linux') throw new NoSmallDisk(`${process.platform} has no tmpfs`)
  await mkdir(disk, { mode: 0o700 })
  // Said first: unmounting what is no mount does no harm.
  guardian.mount(disk)
  await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=0700`, 'tmpfs', disk]).catch((error: Error) => {
    const lines = error.message.split('\n')
    throw new NoSmallDisk(lines.find(line => line.startsWith('mount:')) ?? lines[0] ?? 'mount failed')
  })
}

/** Lazily, because the last file of a server that was killed may be open for a moment. */
async function unmount(folder: Folder, disk: string): Promise<void> {
  await run('umount', ['-l', disk]).catch(() => undefined)
  folder.guardian.mount(undefined)
  await folder.close()
}

async function fill(path: string): Promise<void> {
  const file = await open(path, 'a', 0o600)
  try {
    // In large pieces while they fit, then byte by byte.
    for (const size of [65_536, 4_096, 1]) while (await fits(file, Buffer.alloc(size)));
  } finally {
    await file.close()
  }
}

/** Less than the whole may have been written when it does not. */
async function fits(file: FileHandle, piece: Buffer): Promise<boolean> {
  try {
    return (await file.write(piece)).bytesWritten > 0
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return false
    throw error
  }
}
