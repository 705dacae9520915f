import { RateLimiterRedis, RateLimiterUnion } from 'rate-limiter-flexible'
import { keyCount, keyOf } from '../../dataset.ts'
import type { SubjectKind } from '../../subject.ts'
import { ioredisClients, openIoredisSix } from '../ioredis-clients.ts'
import { blockedLimit, ownLimit } from './window.ts'

const windowSeconds = 3_600

/** It has one algorithm, the fixed window, which stands in every row. */
export const rateLimiterFlexibleAlgorithms = rateLimiterFlexible('rate-limiter-flexible', blockedLimit)

/** As it is without being told to remember who is used up. */
export const rateLimiterFlexibleForgetful = rateLimiterFlexible('rate-limiter-flexible, by default', undefined)

function rateLimiterFlexible(kind: string, inMemoryBlockOnConsumed: number | undefined): SubjectKind {
  return {
    name: kind,
    clients: ioredisClients,
    async open({ url, client, case: name }) {
      const storeClient = openIoredisSix(url, client)
      const create = (keyPrefix: string, points: number, inMemoryBlockOnConsumed?: number) =>
        new RateLimiterRedis({ storeClient, keyPrefix, points, duration: windowSeconds, inMemoryBlockOnConsumed })
      const close = async () => {
        await storeClient.quit()
      }
      if (name === 'consume two limits') {
        const union = new RateLimiterUnion(create('one', ownLimit), create('two', ownLimit))
        return { run: i => union.consume(keyOf(i)).then(() => true), close }
      }
      if (name === 'consume blocked key') {
        const limiter = create('', blockedLimit, inMemoryBlockOnConsumed)
        const denied = (i: number) =>
          limiter.consume(keyOf(i)).then(
            () => false,
            reason => !(reason instanceof Error),
          )
        await Promise.all(Array.from({ length: 2 * keyCount }, (_, i) => denied(i)))
        return { run: denied, close }
      }
      const limiter = create('', ownLimit)
      return { run: i => limiter.consume(keyOf(i)).then(() => true), close }
    },
  }
}
