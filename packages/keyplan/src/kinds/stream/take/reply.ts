import type { Stored } from '../../../base/codec.ts'
import type { Reply } from '../../../redis/redis.ts'
import { readCause } from '../cause.ts'
import type { Delivery, LostEntry, Recreation, Taken } from '../delivery.ts'
import { textOf } from '../reply-text.ts'

/** What the script says of a take, all of it in bytes. See there for its form. */
export function readTaken(reply: readonly Reply[], binary: boolean): Taken {
  const [status, ...figures] = textOf(reply[0]).split(' ')
  if (status === 'standby') return { ...nothing, standby: Number(figures[0]) }
  const [last = '0-0', more, dueIn, missed, reason, from, uncounted, lostCount] = figures
  let at = 4
  const next = () => textOf(reply[at++])

  const lost: LostEntry[] = []
  for (let count = Number(lostCount); count > 0; count--) {
    lost.push({ id: next(), reason: next() as LostEntry['reason'] })
  }
  const deliveries: Delivery[] = []
  while (at < reply.length) {
    const id = next()
    const value = binary ? (reply[at++] as Stored) : next()
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
  readFresh(textOf(reply[1]), textOf(reply[2]), reply[3] as Uint8Array, binary, deliveries)
  return {
    deliveries,
    lost,
    missed: Number(missed),
    recreated: recreationOf(reason, from, uncounted),
    last,
    more: more === '1',
    dueIn: dueIn === '-' ? undefined : Number(dueIn),
    standby: undefined,
  }
}

/** A value that is kept keeps what was read with it. Bytes. */
const mostAtOnce = 65_536

function readFresh(ids: string, sizes: string, values: Uint8Array, binary: boolean, deliveries: Delivery[]): void {
  if (ids === '') return
  const lengths = sizes.split(' ')
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength)
  const whole = binary || bytes.length > mostAtOnce ? '' : bytes.toString()
  // Where each byte is a character, all are read at once.
  const isPlain = whole.length === bytes.length
  let at = 0
  for (const [index, id] of ids.split(' ').entries()) {
    const end = at + Number(lengths[index])
    const value = binary ? bytes.subarray(at, end) : isPlain ? whole.slice(at, end) : bytes.toString('utf8', at, end)
    at = end
    deliveries.push({ id, value, number: 1, suspect: false, exhausted: false, origin: undefined, cause: undefined })
  }
}

function recreationOf(reason = '-', from = '0', uncounted = '-'): Recreation | undefined {
  if (reason === '-') return undefined
  const missed = uncounted === '-' ? undefined : Number(uncounted)
  return { reason: reason as Recreation['reason'], from, missed }
}

const nothing: Taken = {
  deliveries: [],
  lost: [],
  missed: 0,
  recreated: undefined,
  last: '0-0',
  more: false,
  dueIn: undefined,
  standby: undefined,
}
