import { setTimeout as sleep } from 'node:timers/promises'
import { startRedis } from '@keyplan/local'
import { onTestFinished } from 'vitest'
import { folderWith } from './folder.ts'
import { keyplan } from './keyplan.ts'
import { workerText } from './worker-module.ts'

/** What `/health` answers, and with which status. */
interface Health {
  code: number
  status: string
  reasons: string[]
  process: { pid: number; restarts: number; lastEnd: string | null }
  workers: { handled: number; consumer: string }[]
}

/** A server of its own with a stream of numbers. */
export async function startStream() {
  const redis = await startRedis()
  onTestFinished(() => redis.cleanUp())
  return {
    redis,
    append: (...numbers: readonly number[]) =>
      Promise.all(numbers.map(n => redis.ask('XADD', 'events', '*', 'value', JSON.stringify({ n })))),
    pending: async () => ((await redis.ask('XPENDING', 'events', 'workers')) as [number])[0],
    /** The fields of each dead letter. */
    deadLetters: async () =>
      ((await redis.ask('XRANGE', '{events}:~dead:workers', '-', '+')) as [string, string[]][]).map(([, fields]) =>
        fields.join(),
      ),
  }
}

/** `keyplan worker` on that stream, at work. */
export async function startWorker(url: string, flags: readonly string[] = []) {
  const folder = await folderWith({ 'worker.ts': workerText })
  const env = { REDIS_URL: url, WORKER_CONSUMER_NAME: 'mailer-1' }
  const program = keyplan(['worker', 'worker.ts', ...flags], { folder, env })
  // A test that is over need not wait for a drain.
  onTestFinished(() => void program.child.kill('SIGKILL'))
  await program.said('/health\n')
  const [, pid, base] = /\(pid (\d+)\): (http:\S+)\/health\n/.exec(program.out) ?? []
  async function health(): Promise<Health> {
    const response = await fetch(`${base}/health`)
    return { code: response.status, ...((await response.json()) as Omit<Health, 'code'>) }
  }
  return {
    program,
    url: String(base),
    pid: Number(pid),
    health,
    async until(wanted: (health: Health) => boolean): Promise<Health> {
      for (;;) {
        const told = await health()
        if (wanted(told)) return told
        await sleep(10)
      }
    },
    /** The numbers of the entries of which the handler said so. */
    said: (what: 'began' | 'handled' | 'closed') =>
      [...program.out.matchAll(new RegExp(`^${what} (-?\\d+)$`, 'gm'))].map(([, n]) => Number(n)),
  }
}

export const range = (from: number, count: number) => Array.from({ length: count }, (_, index) => from + index)
