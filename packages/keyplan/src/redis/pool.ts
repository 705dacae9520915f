import { slotOf } from './cluster/slot.ts'
import { commandKey } from './command-table.ts'
import type { Link } from './link.ts'

/**
 * Several connections to one server as one link: a key always uses the same of them, so its commands keep their order.
 * They begin and end together: a link that came back alone would overtake what is still under way on the others.
 */
export async function openPool(size: number, open: () => Promise<Link>): Promise<Link> {
  if (size === 1) return open()
  const opened = await Promise.allSettled(Array.from({ length: size }, open))
  const links = opened.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
  const failed = opened.find(result => result.status === 'rejected')
  if (failed) {
    for (const link of links) link.destroy(failed.reason)
    throw failed.reason
  }
  const [first] = links as [Link]
  const destroy: Link['destroy'] = reason => {
    for (const link of links) link.destroy(reason)
  }
  const ended = Promise.race(links.map(link => link.ended)).then(async reason => {
    destroy(reason)
    await Promise.all(links.map(link => link.ended))
    return reason
  })
  const forKey: Link['forKey'] = key => (key === undefined ? first : links[slotOf(key) % size]!)
  return {
    handshake: first.handshake,
    get usable() {
      return links.every(link => link.usable)
    },
    send: (command, args, encoding) => forKey(commandKey(command, args)).send(command, args, encoding),
    refusal: first.refusal,
    forKey,
    onMessage: first.onMessage,
    onInvalidation: first.onInvalidation,
    get heardAt() {
      return first.heardAt
    },
    ended,
    destroy,
  }
}
