import type { Client } from '../../src/client/index.ts'
import {
  cache,
  type DeadLetter,
  definePlan,
  foreign,
  type Held,
  json,
  lock,
  type Message,
  type RateLimitResult,
  rateLimit,
  stream,
} from '../../src/index.ts'
import type { Equal, Expect } from './expect.ts'

interface Profile {
  name: string
}
const value = json<Profile>()

const profile = cache('profile:<tenant>:<userId>', { ttl: '1m', value, tags: p => [`tenant:${p.tenant}`] })
const payout = lock('payout:<accountId>', { ttl: '5s', hashed: ['accountId'] })
const api = rateLimit('api:<ip>', { limit: 100, window: '15m', algorithm: 'token-bucket', burst: 20 })
const jobs = foreign('bull:<queue>', { kind: 'bullmq' })
const events = stream('events', { value, groups: { workers: { start: '$' }, auditors: { start: '0' } } })
const tenants = stream('events:<tenant>', { value, groups: { workers: { start: '$' } } })
const plan = definePlan('shop', { profile, payout, api, jobs, events, tenants })
declare const client: Client<(typeof plan)['namespaces']>

const entry = client.profile({ tenant: 't', userId: 1 })
const account = client.payout({ accountId: 'a' })
const quota = client.api({ ip: '::1' })
declare const decision: RateLimitResult
const work = async () => 5
const worked = account.run(work)
declare const found: Profile | undefined
const loaded = entry.getOrLoad(async () => ({ name: 'Ann' }))
const sought = entry.getOrLoad(async () => found)
const renewed = entry.getOrLoad(async load => load.unchanged)
const loadedMany = client.profile.getOrLoadMany([], async missing => missing.map(() => ({ name: 'Ann' })))
const letters = client.events.deadLetters('auditors').list()
client.events.work('workers', message => {
  const seen: Expect<Equal<typeof message, Message<Profile>>> = true
  return seen
})
client.events.work(
  'workers',
  messages => {
    const seen: Expect<Equal<typeof messages, readonly Message<Profile>[]>> = true
    return seen
  },
  { batch: 5 },
)
// @ts-expect-error there is no such group
client.events.work('worker', () => {})
const soughtMany = client.profile.getOrLoadMany([], async missing => missing.map(() => found))

export type KindsSayWhatTheyTakeAndGive = [
  Expect<Equal<Parameters<typeof client.profile>, [params: { tenant: string | number; userId: string | number }]>>,
  Expect<Equal<Awaited<typeof loaded>, Profile>>,
  Expect<Equal<Awaited<typeof sought>, Profile | undefined>>,
  Expect<Equal<Awaited<typeof renewed>, Profile>>,
  Expect<Equal<Awaited<typeof loadedMany>, Profile[]>>,
  Expect<Equal<Awaited<typeof letters>, DeadLetter<Profile>[]>>,
  Expect<Equal<Parameters<typeof client.events.append>[0], Profile>>,
  Expect<Equal<Parameters<typeof client.tenants>, [params: { tenant: string | number }]>>,
  Expect<Equal<Awaited<typeof soughtMany>, (Profile | undefined)[]>>,
  Expect<Equal<Awaited<ReturnType<typeof entry.set>>, 'done' | 'owed'>>,
  Expect<Equal<Awaited<ReturnType<typeof client.profile.clear>>, 'done' | 'owed'>>,
  Expect<Equal<Awaited<ReturnType<typeof client.profile.getMany>>, (Profile | undefined)[]>>,
  Expect<Equal<Awaited<ReturnType<typeof account.acquire>>, Held | undefined>>,
  Expect<Equal<Awaited<typeof worked>, number>>,
  Expect<Equal<Parameters<typeof client.api>, [params: { ip: string | number }]>>,
  Expect<Equal<Awaited<ReturnType<typeof quota.consume>>, RateLimitResult>>,
  Expect<Equal<RateLimitResult['degraded'], true | undefined>>,
  Expect<Equal<keyof typeof client.jobs, 'key' | 'pattern'>>,
]

// @ts-expect-error a length of time has a unit
cache('profile:<userId>', { ttl: '30', value })

// @ts-expect-error a cache that forgets to expire is a leak
cache('profile:<userId>', { value })

// @ts-expect-error tags are made from the parameters of the pattern
cache('profile:<userId>', { ttl: '30s', value, tags: p => [`tenant:${p.tenant}`] })

// @ts-expect-error what is hashed is a parameter of the pattern
cache('profile:<userId>', { ttl: '30s', value, hashed: ['tenant'] })

// @ts-expect-error a cache denies nobody
cache('profile:<userId>', { ttl: '30s', value, whenDown: 'deny' })

// @ts-expect-error the loader gives what the namespace stores
void entry.getOrLoad(() => ({ title: 'Dr' }))

// @ts-expect-error null is a value, and not of this type
void entry.getOrLoad(async () => null)

// @ts-expect-error the value is of another type
void entry.set('Ada')

// @ts-expect-error a length of time has a unit
void entry.set({ name: 'Ada' }, { ttl: '30' })

// @ts-expect-error tags belong to the namespace
void entry.invalidateTag('tenant:t')

// @ts-expect-error what is hashed is a parameter of the pattern
lock('payout:<accountId>', { ttl: '5s', hashed: ['userId'] })

// @ts-expect-error attempts are counted
lock('payout:<accountId>', { ttl: '5s', retry: { attempts: '3' } })

// @ts-expect-error a parameter is missing
client.payout({})

// @ts-expect-error no such parameter
client.payout({ userId: 1 })

// @ts-expect-error a lock has no value
void account.get()

// @ts-expect-error a fence is no number: it may be too large for one
export const fence: Promise<number> = account.run(({ fence }) => fence)

// @ts-expect-error a limit has a window
rateLimit('api:<ip>', { limit: 100 })

// @ts-expect-error a length of time has a unit
rateLimit('api:<ip>', { limit: 100, window: '15' })

// @ts-expect-error no such algorithm
rateLimit('api:<ip>', { limit: 100, window: '15m', algorithm: 'leaky' })

// @ts-expect-error what is hashed is a parameter of the pattern
rateLimit('api:<ip>', { limit: 100, window: '15m', hashed: ['token'] })

// @ts-expect-error no such parameter
client.api({ host: 'h' })

// @ts-expect-error a cost is a number
void quota.consume({ cost: '2' })

// @ts-expect-error a decision is read-only
decision.allowed = true

// @ts-expect-error other software's keys have no verbs
client.jobs.get
