import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, isAbsolute, join, resolve, sep } from 'node:path'
import { promisify } from 'node:util'

export interface RedisServerBinary {
  /** Absolute. */
  readonly path: string
  /** As the binary states it, e.g. `7.0.15`. */
  readonly version: string
}

/** Where packages put the binary on machines whose PATH is the short one of a service or an editor. */
const usualFolders = ['/usr/bin', '/usr/sbin', '/usr/local/bin', '/usr/local/sbin', '/opt/homebrew/bin']

/**
 * The redis-server of this machine, or undefined when there is none that runs.
 *
 * @param name A name looked up on the PATH, or a path. Default `redis-server`.
 */
export async function findRedisServer(name = 'redis-server'): Promise<RedisServerBinary | undefined> {
  for (const path of candidates(name)) {
    const version = await versionOf(path)
    if (version !== undefined) return { path, version }
  }
  return undefined
}

function candidates(name: string): string[] {
  if (isAbsolute(name) || name.includes(sep)) return [resolve(name)]
  const onPath = (process.env.PATH ?? '').split(delimiter).filter(isAbsolute)
  return [...new Set([...onPath, ...usualFolders])].map(folder => join(folder, name))
}

async function versionOf(path: string): Promise<string | undefined> {
  try {
    await access(path, constants.X_OK)
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: 5_000 })
    return /\bv=(\d+(?:\.\d+)*)/.exec(stdout)?.[1]
  } catch {
    return undefined
  }
}
