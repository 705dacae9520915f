import { Semaphore } from 'redis-semaphore'
import { keyOf } from '../../dataset.ts'
import type { SubjectKind } from '../../subject.ts'
import { ioredisClients, openIoredisSix } from '../ioredis-clients.ts'
import { leaseMilliseconds } from '../lock/lease.ts'
import { permits } from './permits.ts'

/** Without retries: a semaphore that is full fails the run. It is renewed while it is held, by the clock of its process. */
export const redisSemaphore: SubjectKind = {
  name: 'redis-semaphore',
  clients: ioredisClients,
  async open({ url, client }) {
    const connection = openIoredisSix(url, client)
    return {
      async run(i) {
        const options = { lockTimeout: leaseMilliseconds, acquireAttemptsLimit: 1 }
        const semaphore = new Semaphore(connection, keyOf(i), permits, options)
        if (!(await semaphore.tryAcquire())) throw new Error(`${keyOf(i)} is full`)
        await semaphore.release()
        return true
      },
      async close() {
        await connection.quit()
      },
    }
  },
}
