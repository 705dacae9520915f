import { guarded } from '../../guard/guarded.ts'
import { createLocalServer } from '../../mechanisms/log/local.ts'
import { announceScript } from '../../mechanisms/log/scripts.ts'
import type { Kind, Surroundings } from '../kind.ts'
import { createTell } from './consumer.ts'
import type { ChannelDeclaration } from './contract.ts'
import { createCounting } from './figures.ts'
import { openChannels } from './handle.ts'
import { createMemoryChannelStore, localListening } from './memory.ts'
import { announcing } from './names.ts'
import { createRedisChannelStore, redisListening } from './redis.ts'
import { createPassing, createReplaying } from './sourcing.ts'
import { type ChannelStore, channelOperations } from './store.ts'

const unheard: ChannelStore = {
  publish: async () => ({ receivers: 0, id: undefined, degraded: true }),
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
    const steps = server
      ? guarded(
          name,
          createRedisChannelStore(server.redis, why =>
            parts.tell('announcement-refused', `messages are kept and not published: ${why}`),
          ),
          channelOperations,
          server.guard,
          whenDown === 'drop' ? { publish: unheard.publish } : {},
        )
      : guarded(name, createMemoryChannelStore(local), channelOperations, bare)
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

function partsOf({ options: settings }: ChannelDeclaration, { name, pattern, notify }: Surroundings) {
  return { name, pattern, settings, counting: createCounting(), tell: createTell(name, notify) }
}
