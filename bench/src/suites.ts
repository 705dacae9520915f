import type { Suite } from './subject.ts'
import { cache } from './suites/cache.ts'
import { kushim } from './suites/kushim.ts'
import { lock } from './suites/lock.ts'
import { near } from './suites/near.ts'
import { rateLimit } from './suites/rate-limit.ts'
import { stream } from './suites/stream.ts'

export const suites = { cache, near, lock, 'rate-limit': rateLimit, stream, kushim } satisfies Record<string, Suite>

export type SuiteName = keyof typeof suites
