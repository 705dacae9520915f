import { Verrou } from '@verrou/core'
import { redisStore } from '@verrou/core/drivers/redis'
import { keyOf } from '../../dataset.ts'
import type { SubjectKind } from '../../subject.ts'
import { ioredisClients, openIoredisFive } from '../ioredis-clients.ts'
import { leaseMilliseconds } from './lease.ts'

export const verrou: SubjectKind = {
  name: '@verrou/core',
  clients: ioredisClients,
  async open({ url, client }) {
    const connection = openIoredisFive(url, client)
    const locks = new Verrou({ default: 'redis', stores: { redis: { driver: redisStore({ connection }) } } })
    return {
      async run(i) {
        const held = locks.createLock(keyOf(i), leaseMilliseconds)
        if (!(await held.acquireImmediately())) throw new Error(`${keyOf(i)} is held`)
        await held.release()
        return true
      },
      async close() {
        await connection.quit()
      },
    }
  },
}
