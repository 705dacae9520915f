import { json, once, type RateLimitOptions, rateLimit } from '../../src/index.ts'
import type { Equal, Expect } from './expect.ts'

/** TypeScript tells what is wrong by the last overload, which is also the one that `Parameters` sees. */
type Told<F extends (...args: never[]) => unknown> = Parameters<F>[1]

export type TheUsualOneStandsLast = [
  Expect<Equal<Told<typeof rateLimit> extends RateLimitOptions<string, string> ? true : false, true>>,
  Expect<Equal<undefined extends Told<typeof once>['value'] ? true : false, false>>,
]

// @ts-expect-error a window is a length of time
rateLimit('a:<x>', { limit: 5, window: 60 })
// @ts-expect-error window is missing
rateLimit('a:<x>', { limit: 5 })
// @ts-expect-error onCrash is missing
once('a:<x>', { ttl: '1h', value: json<number>() })
rateLimit('a:<x>', { limit: 5, window: '1m' })
rateLimit('a:<x>', { limit: 5, algorithm: 'concurrency' })
once('a:<x>', { ttl: '1h', onCrash: 'rerun' })
once('a:<x>', { ttl: '1h', onCrash: 'rerun', value: json<number>() })
