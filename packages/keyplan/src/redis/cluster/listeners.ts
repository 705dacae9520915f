import type { Argument, Reply } from '../redis.ts'

/**
 * What PUBSUB tells of, on a cluster: `all` listeners, who listen at any node and are counted at each; or those of the
 * `slot` of a sharded channel. Undefined for every other command.
 */
export function listenersAsked(command: string, args: readonly Argument[]) {
  // Looked at for every command.
  if (command.length !== pubsub.length || command.toLowerCase() !== pubsub) return undefined
  const [what, channel] = args
  return channel === undefined ? undefined : scopes[String(what).toLowerCase()]
}

const pubsub = 'pubsub'
const scopes: Readonly<Record<string, 'all' | 'slot'>> = { numsub: 'all', shardnumsub: 'slot' }

/** Channels with their numbers, of several nodes, added up. */
export function addedUp(replies: readonly Reply[]): Reply {
  const [first = [], ...others] = replies as Reply[][]
  return first.map((entry, place) =>
    place % 2 === 0 ? entry : others.reduce((sum, reply) => sum + Number(reply[place]), Number(entry)),
  )
}
