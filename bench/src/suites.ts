import type { Suite } from './subject.ts'
import { cache } from './suites/cache.ts'
import { channel } from './suites/channel.ts'
import { feed } from './suites/feed.ts'
import { kushim } from './suites/kushim.ts'
import { lock } from './suites/lock.ts'
import { near } from './suites/near.ts'
import { once } from './suites/once.ts'
import { rateLimit } from './suites/rate-limit.ts'
import { rateLimitAlgorithms, rateLimitBlocked } from './suites/rate-limit-algorithms.ts'
import { registry, registryBeat } from './suites/registry.ts'
import { semaphore } from './suites/semaphore.ts'
import { session } from './suites/session.ts'
import { stream } from './suites/stream.ts'

export const suites = {
  cache,
  near,
  lock,
  semaphore,
  once,
  'rate-limit': rateLimit,
  'rate-limit-algorithms': rateLimitAlgorithms,
  'rate-limit-blocked': rateLimitBlocked,
  session,
  channel,
  feed,
  stream,
  registry,
  'registry-beat': registryBeat,
  kushim,
} satisfies Record<string, Suite>

export type SuiteName = keyof typeof suites
