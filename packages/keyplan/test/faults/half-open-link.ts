import { type RedisProcess, startProxy } from '@keyplan/local'
import { connectTo, until } from '../live-server.ts'
import { proxyLinkOf, type ServerLink, serverLinks } from './evidence.ts'

export const linkRoles = ['commands', 'subscriber', 'blocking'] as const

export interface Found {
  /** Milliseconds from the silence to the moment the link was given up. */
  readonly afterMs: number
  /** The server still had the connection then: nothing on the network had said that it was gone. */
  readonly stillAtServer: boolean
}

/**
 * Lets one link of a quiet client fall silent in both directions while the others go on, and waits until the client has
 * noticed. All settings are the defaults.
 */
export async function findHalfOpen(server: RedisProcess, role: (typeof linkRoles)[number]): Promise<Found> {
  await using proxy = await startProxy({ to: server.port })
  await using live = await connectTo(proxy.port)
  const before = new Set((await serverLinks(server, role)).map(({ id }) => id))
  let noticed = () => {}
  const notice = new Promise<void>(resolve => {
    noticed = resolve
  })

  if (role === 'subscriber') await live.redis.subscribe('quiet', { message: () => {}, gap: noticed })
  if (role === 'blocking') {
    const wait = Number.POSITIVE_INFINITY
    live.redis.block('blpop', sliceMs => ['quiet', sliceMs / 1_000], { wait }).then(noticed, noticed)
  }
  if (role === 'commands') {
    void until(() => live.events.some(({ type }) => type === 'lost')).then(noticed)
    before.clear()
  }
  let mine: ServerLink | undefined
  await until(async () => {
    const links = await serverLinks(server, role)
    mine = links.find(({ id, port }) => !before.has(id) && proxy.links.some(link => link.portAtServer === port))
    return mine
  })
  if (!mine) throw new Error(`the server has no ${role} link`)
  const { id } = mine

  proxyLinkOf(proxy.links, mine).apply({ kind: 'blackhole' })
  const begun = performance.now()
  await notice
  const afterMs = performance.now() - begun
  const links = await serverLinks(server, role)
  return { afterMs, stillAtServer: links.some(link => link.id === id) }
}
