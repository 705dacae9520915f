import type { Stored } from '../../base/codec.ts'
import type { Reply } from '../../redis/redis.ts'
import { readCause } from './cause.ts'
import type { Delivery, LostEntry, Recreation, Taken } from './store.ts'

/** What the script says of a take. See there for its form. */
export function readTaken(reply: readonly Reply[]): Taken {
  const [status, ...figures] = String(textOf(reply[0])).split(' ')
  if (status === 'standby') return { ...nothing, standby: Number(figures[0]) }
  const [last = '0-0', dueIn, missed, reason, from, uncounted, lostCount, againCount] = figures
  let at = 1
  const next = () => textOf(reply[at++])

  const lost: LostEntry[] = []
  for (let count = Number(lostCount); count > 0; count--) {
    lost.push({ id: next(), reason: next() as LostEntry['reason'] })
  }
  const deliveries: Delivery[] = []
  for (let count = Number(againCount); count > 0; count--) {
    const id = next()
    const value = reply[at++] as Stored
    const number = Number(next())
    const flags = next()
    const origin = next() || undefined
    deliveries.push({
      id,
      value: flags.includes('x') ? undefined : value,
      number,
      suspect: flags.includes('s'),
      exhausted: flags.includes('e'),
      origin,
      cause: readCause(next()),
    })
  }
  for (; at < reply.length; at += 2) {
    deliveries.push({
      id: textOf(reply[at]),
      value: reply[at + 1] as Stored,
      number: 1,
      suspect: false,
      exhausted: false,
      origin: undefined,
      cause: undefined,
    })
  }
  const recreated: Recreation | undefined =
    reason === '-' || reason === undefined
      ? undefined
      : {
          reason: reason as Recreation['reason'],
          from: from ?? '0',
          missed: uncounted === '-' ? undefined : Number(uncounted),
        }
  return {
    deliveries,
    lost,
    missed: Number(missed),
    recreated,
    last,
    dueIn: dueIn === '-' ? undefined : Number(dueIn),
    standby: undefined,
  }
}

const nothing: Taken = {
  deliveries: [],
  lost: [],
  missed: 0,
  recreated: undefined,
  last: '0-0',
  dueIn: undefined,
  standby: undefined,
}

/** With a binary codec all of a reply comes as bytes. */
export function textOf(reply: Reply | undefined): string {
  if (typeof reply === 'string') return reply
  return reply instanceof Uint8Array ? Buffer.from(reply).toString() : ''
}
