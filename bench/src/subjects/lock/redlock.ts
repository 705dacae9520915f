import { Redlock } from '@sesamecare-oss/redlock'
import { keyOf } from '../../dataset.ts'
import type { SubjectKind } from '../../subject.ts'
import { ioredisClients, openIoredisSix } from '../ioredis-clients.ts'
import { leaseMilliseconds } from './lease.ts'

/** Redlock on one server, without retries: a lock that is held fails the run. */
export const redlock: SubjectKind = {
  name: '@sesamecare-oss/redlock',
  clients: ioredisClients,
  async open({ url, client, database }) {
    const connection = openIoredisSix(url, client)
    const locks = new Redlock([connection], { retryCount: 0, db: database })
    return {
      async run(i) {
        const held = await locks.acquire([keyOf(i)], leaseMilliseconds)
        await held.release()
        return true
      },
      close: () => locks.quit(),
    }
  },
}
