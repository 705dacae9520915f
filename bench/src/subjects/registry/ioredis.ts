import type { Redis } from 'ioredis-6'
import type { SubjectKind } from '../../subject.ts'
import { openIoredisSix } from '../ioredis-clients.ts'
import { agentCount, beatingCount, capabilityOf, cardOf, leaseSeconds, nameOf } from './agents.ts'

const keyOf = (n: number) => `agents:${nameOf(n)}`
const cardText = (n: number) => JSON.stringify({ id: nameOf(n), capabilities: [capabilityOf(n)], metadata: cardOf(n) })

async function write(redis: Redis, count: number): Promise<boolean> {
  const pipeline = redis.pipeline()
  for (let n = 0; n < count; n++) pipeline.set(keyOf(n), cardText(n), 'EX', leaseSeconds)
  const replies = await pipeline.exec()
  return replies?.length === count
}

/** As it is written by hand: a key for each agent, that expires, and a set for each capability, from which nobody is removed. */
export const byHand: SubjectKind = {
  name: 'ioredis',
  clients: ['ioredis'],
  async open({ url, client }) {
    const redis = openIoredisSix(url, client)
    await write(redis, agentCount)
    const pipeline = redis.pipeline()
    for (let n = 0; n < agentCount; n++) pipeline.sadd(`able:${capabilityOf(n)}`, keyOf(n))
    await pipeline.exec()
    return {
      async run(i) {
        const keys = await redis.smembers(`able:${capabilityOf(i)}`)
        const cards = await redis.mget(keys)
        return cards.flatMap(card => (card === null ? [] : [JSON.parse(card)]))
      },
      close: async () => redis.disconnect(),
    }
  },
}

/** A SET for each agent, in one pipeline. */
export const beatingByHand: SubjectKind = {
  name: 'ioredis',
  clients: ['ioredis'],
  async open({ url, client }) {
    const redis = openIoredisSix(url, client)
    return { run: () => write(redis, beatingCount), close: async () => redis.disconnect() }
  },
}
