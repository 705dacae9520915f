import { isUnavailable } from '../../base/error.ts'
import { createTell } from '../../base/tell.ts'
import { guarded } from '../../guard/guarded.ts'
import { createLocalServer } from '../../mechanisms/log/local.ts'
import { announceScript } from '../../mechanisms/log/scripts.ts'
import type { Kind, Surroundings } from '../kind.ts'
import type { Happening } from './consumer.ts'
import type { ChannelDeclaration, Published } from './contract.ts'
import { createCounting } from './figures.ts'
import { openChannels } from './handle.ts'
import { createMemoryChannelStore, localListening } from './memory.ts'
import { announcing } from './names.ts'
import { createRedisChannelStore, redisListening } from './redis.ts'
import { createPassing, createReplaying } from './sourcing.ts'
import { type ChannelStore, channelOperations } from './store.ts'

const dropped: Published = { receivers: 0, id: undefined, degraded: true }

const unheard: ChannelStore = {
  publish: async (_, messages) => messages.map(() => dropped),
  replay: async () => [],
  newest: async () => undefined,
}

export const channelKind: Kind<ChannelDeclaration> = {
  kind: 'channel',
  scripts: [announceScript],
  open(declaration, surroundings) {
    const { options: settings, whenDown } = declaration
    const { name, pattern, clock, server, bare, local = createLocalServer(clock) } = surroundings
    const parts = partsOf(declaration, surroundings)
    const refused = (why: string) =>
      parts.tell({ type: 'announcement-refused' }, `messages are kept and not published: ${why}`)
    const drops = whenDown === 'drop'
    const store = server ? createRedisChannelStore(server.redis, refused) : createMemoryChannelStore(local)
    const fallback = drops ? { publish: unheard.publish } : {}
    const guard = server?.guard ?? bare
    const steps = guarded(name, drops ? dropping(store) : store, channelOperations, guard, fallback)
    const listening = server ? redisListening(server.redis, settings.sharded) : localListening(local)
    const create = settings.reliable ? createReplaying : createPassing
    return openChannels({ ...parts, steps, sourcing: create({ name, pattern, settings, listening, steps, clock }) })
  },
  feature: 'channel',
  openDisabled(declaration, surroundings) {
    const { name, bare } = surroundings
    const steps = guarded(name, unheard, channelOperations, bare)
    return openChannels({ ...partsOf(declaration, surroundings), steps, sourcing: undefined })
  },
  announcing: ({ options }, pattern) => announcing(pattern, options),
}

/** Of several messages those that could not be published are dropped. */
const dropping = (store: ChannelStore): ChannelStore => ({
  ...store,
  publish: async (call, messages) =>
    (await store.publish(call, messages)).map(result => (isUnavailable(result) ? dropped : result)),
})

function partsOf({ options: settings }: ChannelDeclaration, { name, pattern, server, notify }: Surroundings) {
  return {
    name,
    pattern,
    lane: server?.lane,
    settings,
    counting: createCounting(),
    tell: createTell<Happening>(name, notify),
  }
}
