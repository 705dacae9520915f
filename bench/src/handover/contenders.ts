import { Redlock } from '@sesamecare-oss/redlock'
import { Verrou } from '@verrou/core'
import { redisStore } from '@verrou/core/drivers/redis'
import { Redis as RedisFive } from 'ioredis'
import { Redis as RedisSix } from 'ioredis-6'
import { connect } from 'keyplan/client'
import { Mutex } from 'redis-semaphore'
import { lockPlan } from '../plan.ts'
import { leaseMilliseconds } from '../subjects/lock/lease.ts'

/** Waits for the one lock, as long as it takes, and gives what lets go of it. */
export interface Contender {
  acquire(): Promise<() => Promise<unknown>>
  close(): Promise<unknown>
}

const key = 'handed-over'

/** Each with the defaults of its makers, but for how long it waits. */
export const contenders: Readonly<Record<string, (url: string) => Promise<Contender>>> = {
  async keyplan(url) {
    const redis = await connect(lockPlan, { url, log: false })
    return {
      async acquire() {
        const held = await redis.locks({ key }).acquire({ wait: '1m' })
        if (!held) throw new Error('the lock did not come free')
        return () => held.release()
      },
      close: () => redis.$close(),
    }
  },
  async '@verrou/core'(url) {
    const connection = new RedisFive(url)
    const locks = new Verrou({ default: 'redis', stores: { redis: { driver: redisStore({ connection }) } } })
    return {
      async acquire() {
        const held = locks.createLock(key, leaseMilliseconds)
        if (!(await held.acquire({ retry: { attempts: Number.POSITIVE_INFINITY } }))) throw new Error('not acquired')
        return () => held.release()
      },
      close: () => connection.quit(),
    }
  },
  async '@sesamecare-oss/redlock'(url) {
    const connection = new RedisSix(url)
    const locks = new Redlock([connection], { retryCount: -1 })
    return {
      async acquire() {
        const held = await locks.acquire([key], leaseMilliseconds)
        return () => held.release()
      },
      close: () => locks.quit(),
    }
  },
  async 'redis-semaphore'(url) {
    const connection = new RedisSix(url)
    return {
      async acquire() {
        const held = new Mutex(connection, key, { lockTimeout: leaseMilliseconds, acquireTimeout: 60_000 })
        await held.acquire()
        return () => held.release()
      },
      close: () => connection.quit(),
    }
  },
}
