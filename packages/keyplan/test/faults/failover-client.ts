import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { type Client, type ClientEvents, connect } from '../../src/client/index.ts'
import type { ConnectOptions } from '../../src/config/options.ts'
import { cache, definePlan, foreign, lock, rateLimit, text } from '../../src/index.ts'
import { until } from '../live-server.ts'
import { type Ledger, openLedger } from './ledger.ts'

export const plan = definePlan('failover', {
  /** Tells what Redis says. Its writes may be repeated, so they are no user's error while there is time. */
  page: cache('page:<id>', { ttl: '1h', value: text(), whenDown: 'fail' }),
  /** Answers by its loader. */
  copy: cache('copy:<id>', { ttl: '1h', value: text() }),
  door: lock('door:<id>', { ttl: '2s', retry: { attempts: 500, delay: '10ms' } }),
  knocks: rateLimit('knocks:<id>', { limit: 300, window: '1h', whenDown: 'deny' }),
  raw: foreign('raw:<id>', { kind: 'commands' }),
})

export type Subject = Client<(typeof plan)['namespaces']>

/** A client with the settings of the library itself, closed with the test, and what it tells. */
export async function open(options: ConnectOptions) {
  const lines: string[] = []
  const client = await connect(plan, { log: (_, line) => void lines.push(line), ...options })
  onTestFinished(() => client.$close())
  const told = <E extends keyof ClientEvents>(event: E) => {
    const details: ClientEvents[E][] = []
    client.$on(event, detail => void details.push(detail))
    return details
  }
  return { client, lines, told, failovers: told('failover') }
}

/** Increments whose doubling or loss would show, and whose repetition is never safe. */
export const increments =
  ({ $command, raw }: Subject) =>
  (id: string) =>
    $command('INCR', [raw.key({ id })])

export const pages =
  ({ page }: Subject) =>
  (id: string) =>
    page({ id }).set(id)

/** One closed loop of operations, each under an id of its own, until it is stopped. */
export interface Loop {
  /** How many have ended well. */
  readonly done: number
  stop(): Promise<void>
}

export function loop(ledger: Ledger, name: string, operation: (id: string) => Promise<unknown>): Loop {
  let over = false
  let done = 0
  const going = (async () => {
    for (let count = 0; !over; count++) {
      const id = `${name}-${count}`
      if ((await ledger.run(id, () => operation(id))) === 'done') done++
      else await sleep(2)
    }
  })()
  const stop = async () => {
    over = true
    await going
  }
  onTestFinished(stop)
  return {
    get done() {
      return done
    },
    stop,
  }
}

export function ledgerOfTest(): Ledger {
  const ledger = openLedger()
  onTestFinished(() => ledger[Symbol.dispose]())
  return ledger
}

/** What became of increments, each of a key of its own, beside what their callers were told. */
export interface Books {
  readonly done: number
  readonly unknown: number
  readonly failed: number
  /** Done, and not there. */
  readonly lost: readonly string[]
  /** Certainly not executed, and there. */
  readonly ghosts: readonly string[]
  readonly doubled: readonly string[]
}

/** @param read the values of the keys with these ids, as the servers have them now */
export async function audit(
  ledger: Ledger,
  prefix: string,
  read: (ids: readonly string[]) => Promise<readonly unknown[]>,
): Promise<Books> {
  const having = (ending: 'done' | 'failed' | 'unknown') => ledger.ids(ending).filter(id => id.startsWith(prefix))
  const [done, failed, unknown] = [having('done'), having('failed'), having('unknown')]
  const values = new Map<string, unknown>()
  for (const ids of [done, failed, unknown]) {
    for (let at = 0; at < ids.length; at += 500) {
      const some = ids.slice(at, at + 500)
      const found = await read(some)
      some.forEach((id, index) => void values.set(id, found[index]))
    }
  }
  return {
    done: done.length,
    unknown: unknown.length,
    failed: failed.length,
    lost: done.filter(id => values.get(id) === null),
    ghosts: failed.filter(id => values.get(id) !== null),
    doubled: [...values].filter(([, value]) => Number(value) > 1).map(([id]) => id),
  }
}

/** Waits until each of the loops has ended some operations well from now on. */
export async function goOn(loops: readonly Loop[], count = 50): Promise<void> {
  const from = loops.map(({ done }) => done)
  await until(() => loops.every(({ done }, index) => done >= from[index]! + count))
}
