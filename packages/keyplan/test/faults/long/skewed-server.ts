import { execFile } from 'node:child_process'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { findRedisServer, type RedisProcess, startRedis } from '@keyplan/local'
import { onTestFinished } from 'vitest'

const source = fileURLToPath(new URL('clock-skew.c', import.meta.url))

const needs = 'The test sets the clock of a redis-server; it needs Linux and a C compiler, `cc`'

/** A server whose wall clock can be set while it runs. */
export interface SkewedServer {
  readonly server: RedisProcess
  /** Sets its clock so many milliseconds ahead of the machine's, or behind it. */
  set(skewMs: number): Promise<void>
}

/**
 * A library that the server loads before the system's, since libfaketime ends a server that was built with jemalloc.
 *
 * @throws Error that says what is missing
 */
export async function startSkewed(): Promise<SkewedServer> {
  const dir = await mkdtemp(join(tmpdir(), 'skewed-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const [library, skew, binary] = [join(dir, 'clock.so'), join(dir, 'skew'), join(dir, 'redis-server')]
  if (process.platform !== 'linux') throw new Error(needs)
  await promisify(execFile)('cc', ['-shared', '-fPIC', '-O2', '-o', library, source]).catch(cause => {
    throw new Error(needs, { cause })
  })
  const found = await findRedisServer()
  await writeFile(skew, Buffer.alloc(8))
  const lines = ['#!/bin/sh', `LD_PRELOAD='${library}' SKEW_FILE='${skew}' exec '${found?.path}' "$@"`, '']
  await writeFile(binary, lines.join('\n'), { mode: 0o755 })
  const server = await startRedis({ binary })
  onTestFinished(() => server.cleanUp())
  return {
    server,
    async set(skewMs) {
      const bytes = Buffer.alloc(8)
      bytes.writeBigInt64LE(BigInt(skewMs))
      // In place: the server has the file mapped.
      const file = await open(skew, 'r+')
      await file.write(bytes, 0, 8, 0)
      await file.close()
    },
  }
}
