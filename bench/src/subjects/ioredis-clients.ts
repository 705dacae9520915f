import { Redis as RedisFive } from 'ioredis'
import { Redis as RedisSix } from 'ioredis-6'

/** The two ways a peer can be given ioredis. */
export const ioredisClients = ['ioredis', 'ioredis auto-pipelined'] as const

/** For the peers that accept nothing newer. */
export function openIoredisFive(url: string, client: string): RedisFive {
  return new RedisFive(url, { enableAutoPipelining: client === 'ioredis auto-pipelined' })
}

export function openIoredisSix(url: string, client: string): RedisSix {
  return new RedisSix(url, { enableAutoPipelining: client === 'ioredis auto-pipelined' })
}
