import { setTimeout as sleep } from 'node:timers/promises'
import type { RedisProcess } from '../server/redis-process.ts'

/** What is not yet as it should be, and on which server. */
export interface Obstacle {
  readonly node: RedisProcess
  /** A clause, e.g. `knows 1 of 2 other Sentinels`. */
  readonly what: string
}

const settleWithin = 30_000

/**
 * Asks again and again until nothing is in the way.
 *
 * @throws Error that names the obstacle, with the last log lines of its server, after 30 s.
 */
export async function settle(name: string, obstacle: () => Promise<Obstacle | undefined>): Promise<void> {
  const deadline = performance.now() + settleWithin
  for (let pause = 5; ; pause = Math.min(pause * 2, 50)) {
    const found = await obstacle()
    if (found === undefined) return
    if (performance.now() > deadline) throw new Error(unsettled(name, found))
    await sleep(pause)
  }
}

function unsettled(name: string, { node, what }: Obstacle): string {
  const log = node.log().map(line => `  ${line}`)
  return `${name} did not settle within ${settleWithin} ms: the server on port ${node.port} ${what}; its last words:\n${log.join('\n')}`
}

/** The first obstacle that `look` finds; a server that does not answer is one. */
export async function firstObstacle(
  nodes: readonly RedisProcess[],
  look: (node: RedisProcess) => Promise<string | undefined>,
): Promise<Obstacle | undefined> {
  const found = await Promise.all(
    nodes.map(async node => {
      const what = await look(node).catch((error: Error) => `does not answer (${error.message})`)
      return what === undefined ? undefined : { node, what }
    }),
  )
  return found.find(one => one !== undefined)
}
