import { announce, createRedisLog } from '../../mechanisms/log/redis-log.ts'
import type { Redis } from '../../redis/redis.ts'
import type { ChannelStore, Listening } from './store.ts'

/** @param refused is told why a message that is kept was not published */
export function createRedisChannelStore(
  redis: Pick<Redis, 'send' | 'evaluate'>,
  refused: (why: string) => void,
): ChannelStore {
  const { range } = createRedisLog(redis)
  return {
    async publish(call, target, payload) {
      const { channel, sharded, log } = target
      if (!log) {
        const receivers = Number(await redis.send(sharded ? 'spublish' : 'publish', [channel, payload], call))
        return { receivers, id: undefined }
      }
      const { id, receivers, unannounced } = await announce(redis, call, { channel, sharded, log }, payload)
      if (unannounced) refused(unannounced)
      return { receivers, id }
    },
    replay: (call, log, after, count) => range(call, log, { after, count }),
    newest: async (call, log) => (await range(call, log, { count: 1, reverse: true }))[0]?.id,
  }
}

export function redisListening(redis: Pick<Redis, 'subscribe'>, sharded: boolean): Listening {
  return {
    one: (channel, ear) => redis.subscribe(channel, ear, sharded ? 'sharded' : 'exact'),
    all: (glob, ear) => redis.subscribe(glob, ear, 'pattern'),
  }
}
