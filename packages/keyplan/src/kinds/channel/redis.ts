import type { Call } from '../../base/call.ts'
import { isKeyplanError, isUnavailable, type KeyplanError } from '../../base/error.ts'
import { announce, createRedisLog } from '../../mechanisms/log/redis-log.ts'
import type { Redis } from '../../redis/redis.ts'
import type { Published } from './contract.ts'
import type { ChannelStore, Listening, Message } from './store.ts'

/** @param refused is told why a message that is kept was not published */
export function createRedisChannelStore(
  redis: Pick<Redis, 'send' | 'evaluate'>,
  refused: (why: string) => void,
): ChannelStore {
  const { range } = createRedisLog(redis)

  async function publish(call: Call, { target, payload }: Message): Promise<Published> {
    const { channel, sharded, log } = target
    if (!log) {
      const receivers = Number(await redis.send(sharded ? 'spublish' : 'publish', [channel, payload], call))
      return { receivers, id: undefined }
    }
    const { id, receivers, unannounced } = await announce(redis, call, { channel, sharded, log }, payload)
    if (unannounced) refused(unannounced)
    return { receivers, id }
  }

  return {
    publish: async (call, messages) => served(await Promise.all(messages.map(one => publish(call, one).catch(itsOwn)))),
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

function itsOwn(error: unknown): KeyplanError {
  if (isKeyplanError(error)) return error
  throw error
}

/** A server that takes no message at all is for the guard to know. What it tries again, none of them may have been done. */
function served(results: readonly (Published | KeyplanError)[]): readonly (Published | KeyplanError)[] {
  const errors = results.filter(isUnavailable)
  if (errors.length < results.length) return results
  throw errors.find(({ outcome }) => outcome !== 'not-executed') ?? errors[0]
}
