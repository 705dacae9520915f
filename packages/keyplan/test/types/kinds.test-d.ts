import type { Client } from '../../src/client/index.ts'
import {
  cache,
  channel,
  type DeadLetter,
  type Delivery,
  definePlan,
  document,
  type FeedEntry,
  feed,
  foreign,
  type Held,
  type HeldSet,
  type HeldShare,
  json,
  lock,
  type Message,
  type OnceAnswer,
  once,
  type Permit,
  type Published,
  type RateLimitResult,
  type Refusal,
  type RegistryEvent,
  type RegistryMember,
  rateLimit,
  readWriteLock,
  registry,
  type Session,
  type Snapshot,
  semaphore,
  session,
  stream,
} from '../../src/index.ts'
import type { Equal, Expect } from './expect.ts'

interface Profile {
  name: string
}
interface Receipt {
  amount: number
}
const value = json<Profile>()

const profile = cache('profile:<tenant>:<userId>', { ttl: '1m', value, tags: p => [`tenant:${p.tenant}`] })
const payout = lock('payout:<accountId>', { ttl: '5s', hashed: ['accountId'] })
const shelf = readWriteLock('shelf:<shelfId>', { ttl: '5s' })
const api = rateLimit('api:<ip>', { limit: 100, window: '15m', algorithm: 'token-bucket', burst: 20 })
const vault = lock('vault:<id>', { ttl: '5s', quorum: true })
const render = semaphore('render:<tenant>', { permits: 5, ttl: '30s' })
const plans = rateLimit('plans:<user>', { limit: 10, window: '1m', tiers: { free: {}, pro: { limit: 100 } } })
const exportsOf = rateLimit('exports:<user>', { algorithm: 'concurrency', limit: 3, lease: '10s' })
const jobs = foreign('bull:<queue>', { kind: 'bullmq' })
interface Login {
  userId?: string
  roles: string[]
}
const login = session('session:<sessionId>', { ttl: '24h', value: json<Login>(), perUser: { by: data => data.userId } })
const renamed = channel('renamed:<userId>', { value, reliable: { keep: '1h' } })
const news = channel('news', { value: json<string>() })
const history = feed('history:<userId>', { ttl: '1h', value, announce: 'renamed' })
const events = stream('events', { value, groups: { workers: { start: '$' }, auditors: { start: '0' } } })
const tenants = stream('events:<tenant>', { value, groups: { workers: { start: '$' } } })
const plan = definePlan('shop', {
  profile,
  payout,
  shelf,
  vault,
  api,
  plans,
  exportsOf,
  render,
  jobs,
  login,
  renamed,
  news,
  history,
  events,
  tenants,
})
declare const client: Client<(typeof plan)['namespaces']>

const entry = client.profile({ tenant: 't', userId: 1 })
const account = client.payout({ accountId: 'a' })
const permits = client.render({ tenant: 't' })
const rendered = permits.run(async () => 'done', { permits: 2 })
const shown = client.login({ sessionId: 'x' })
const quota = client.api({ ip: '::1' })
const slot = client.exportsOf({ user: 'u' })
declare const decision: RateLimitResult
const reader = client.shelf({ shelfId: 1 }).read
const writer = client.shelf({ shelfId: 1 }).write
const both = client.payout.all([{ accountId: 'a' }, { accountId: 2 }])
const work = async () => 5
const worked = account.run(work)
const daily = account.oncePer('1d', async ({ start }) => start)
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
const fenced = entry.set({ name: 'Ann' }, { fence: 1n })
const soughtMany = client.profile.getOrLoadMany([], async missing => missing.map(() => found))

const user = client.renamed({ userId: 1 })
type Heard = Parameters<Parameters<typeof user.subscribe>[0]>[0]
type HeardOfAll = Parameters<Parameters<typeof client.renamed.subscribeAll>[0]>[0]
const past = client.history({ userId: 1 })

export type KindsSayWhatTheyTakeAndGive = [
  Expect<Equal<Parameters<typeof user.publish>[0], Profile>>,
  Expect<Equal<Awaited<ReturnType<typeof user.publish>>, Published>>,
  Expect<Equal<Heard, Delivery<'renamed:<userId>', Profile>>>,
  Expect<Equal<HeardOfAll['params'], { readonly userId: string }>>,
  Expect<Equal<HeardOfAll['message'], Profile>>,
  // biome-ignore lint/complexity/noBannedTypes: a channel without parameters takes an empty object
  Expect<Equal<Parameters<typeof client.news>, [params: {}]>>,
  Expect<Equal<Awaited<ReturnType<typeof past.range>>, FeedEntry<Profile>[]>>,
  Expect<Equal<Parameters<typeof past.append>[0], Profile>>,
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
  Expect<Equal<Awaited<typeof fenced>, 'done' | 'owed' | 'outdated'>>,
  Expect<Equal<Awaited<ReturnType<typeof client.profile.clear>>, 'done' | 'owed'>>,
  Expect<Equal<Awaited<ReturnType<typeof client.profile.getMany>>, (Profile | undefined)[]>>,
  Expect<Equal<Awaited<ReturnType<typeof account.acquire>>, Held | undefined>>,
  Expect<Equal<Awaited<typeof worked>, number>>,
  Expect<Equal<Awaited<ReturnType<typeof both.acquire>>, HeldSet | undefined>>,
  Expect<Equal<Awaited<ReturnType<typeof reader.acquire>>, HeldShare | undefined>>,
  Expect<Equal<Awaited<ReturnType<typeof writer.acquire>>, Held | undefined>>,
  Expect<Equal<Extract<keyof typeof writer, 'lead' | 'oncePer'>, never>>,
  Expect<
    Equal<Extract<keyof ReturnType<typeof client.vault> | keyof typeof client.vault, 'forceRelease' | 'all'>, never>
  >,
  Expect<Equal<'fence' extends keyof HeldShare ? true : false, false>>,
  Expect<Equal<Awaited<ReturnType<ReturnType<typeof client.vault>['acquire']>>, Held | undefined>>,
  Expect<Equal<Extract<Awaited<typeof daily>, { ran: true }>['value'], number>>,
  Expect<Equal<Awaited<ReturnType<typeof permits.acquire>>, Held | undefined>>,
  Expect<Equal<Awaited<typeof rendered>, string>>,
  Expect<Equal<Parameters<typeof client.api>[0], { ip: string | number }>>,
  Expect<Equal<Awaited<ReturnType<typeof quota.consume>>, RateLimitResult>>,
  Expect<Equal<RateLimitResult['degraded'], true | undefined>>,
  Expect<Equal<keyof typeof client.jobs, 'key' | 'mark' | 'pattern' | 'declaration'>>,
  Expect<Equal<Parameters<typeof client.login>, [params: { sessionId: string | number }]>>,
  Expect<Equal<Awaited<ReturnType<typeof shown.read>>, Session<Login> | undefined>>,
  Expect<Equal<Awaited<ReturnType<typeof client.login.create>>, Session<Login>>>,
  Expect<Equal<Awaited<ReturnType<typeof slot.acquire>>, Permit | Refusal>>,
  Expect<Equal<NonNullable<Parameters<typeof client.plans>[1]>['tier'], 'free' | 'pro' | undefined>>,
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

// @ts-expect-error a length of time has a unit
void account.oncePer('1', work)

// @ts-expect-error what is done once is marked on one server
void client.vault({ id: 1 }).oncePer

// @ts-expect-error a lock has no value
void account.get()

// @ts-expect-error a fence is no number: it may be too large for one
export const fence: Promise<number> = account.run(({ fence }) => fence)

// @ts-expect-error somebody has to say how many
semaphore('render:<tenant>', { ttl: '30s' })

// @ts-expect-error permits are counted
void permits.acquire({ permits: '2' })

// @ts-expect-error a semaphore has no answer of its own when Redis is down
semaphore('render:<tenant>', { permits: 5, ttl: '30s', whenDown: 'local' })

// @ts-expect-error a limit has a window
rateLimit('api:<ip>', { limit: 100 })

// @ts-expect-error a length of time has a unit
rateLimit('api:<ip>', { limit: 100, window: '15' })

// @ts-expect-error no such algorithm
rateLimit('api:<ip>', { limit: 100, window: '15m', algorithm: 'leaky' })

// @ts-expect-error what is hashed is a parameter of the pattern
rateLimit('api:<ip>', { limit: 100, window: '15m', hashed: ['token'] })

client.plans({ user: 'u' }, { tier: 'pro' })
client.api({ ip: '::1' }, { limit: 5 })
void quota.with(client.plans({ user: 'u' })).consume({ cost: 2, wait: '1s' })

// @ts-expect-error no such tier
client.plans({ user: 'u' }, { tier: 'gold' })

// @ts-expect-error a limit without tiers has none
client.api({ ip: '::1' }, { tier: 'pro' })

// @ts-expect-error several limits stand in place of one
rateLimit('api:<ip>', { limit: 1, window: '1m', limits: [{ limit: 5, window: '1s' }] })

// @ts-expect-error guests are told by parameters of the pattern
rateLimit('api:<ip>', { limit: 1, window: '1m', allow: { user: ['a'] } })

// @ts-expect-error what goes on at once has no window
rateLimit('api:<ip>', { algorithm: 'concurrency', limit: 1, window: '1m' })

// @ts-expect-error what goes on at once is acquired
slot.consume

// @ts-expect-error no such parameter
client.api({ host: 'h' })

// @ts-expect-error a cost is a number
void quota.consume({ cost: '2' })

// @ts-expect-error a decision is read-only
decision.allowed = true

// @ts-expect-error other software's keys have no verbs
client.jobs.get

const payment = once('idem:<key>', { ttl: '1d', onCrash: 'rerun', value: json<Receipt>() })
const mailed = once('mail:<id>', { ttl: '1d', onCrash: 'refuse' })
declare const onces: Client<{ payment: typeof payment; mailed: typeof mailed }>
const paid = onces.payment({ key: 'k' })
const receipt = paid.run(async () => ({ amount: 5 }))
const receiptByCommit = paid.run(({ commit }) => commit([['incr', 'x']], { amount: 5 }))
const answer = paid.tryRun(() => ({ amount: 5 }))
const done = onces.mailed({ id: 1 }).run(async ({ commit }) => commit([['incr', 'x']]))

export type OnceSaysWhatItTakesAndGives = [
  Expect<Equal<Parameters<typeof onces.payment>, [params: { key: string | number }]>>,
  Expect<Equal<Awaited<typeof receipt>, Receipt>>,
  Expect<Equal<Awaited<typeof receiptByCommit>, Receipt>>,
  Expect<Equal<Awaited<typeof answer>, OnceAnswer<Receipt>>>,
  Expect<Equal<Awaited<typeof done>, void>>,
]

// @ts-expect-error what becomes of a crash must be said
once('idem:<key>', { ttl: '1d' })

// @ts-expect-error no such answer
once('idem:<key>', { ttl: '1d', onCrash: 'retry' })

// @ts-expect-error nothing runs without Redis
once('idem:<key>', { ttl: '1d', onCrash: 'rerun', whenDown: 'memory' })

// @ts-expect-error the work gives what the namespace stores
void paid.run(async () => ({ sum: 5 }))

// @ts-expect-error a commit has a result of that type, too
void paid.run(({ commit }) => commit([['incr', 'x']], { sum: 5 }))

// @ts-expect-error where there is a value there is a result
void paid.run(({ commit }) => commit([['incr', 'x']]))

void shown.update({ userId: undefined })
void shown.update(data => ({ roles: [...data.roles, 'admin'] }))
void shown.rotate({ change: { userId: 'ann' }, grace: false })

// @ts-expect-error the fields are those of the data
void shown.update({ roles: 'admin' })

// @ts-expect-error all of the data is given
void client.login.create({ userId: 'ann' })

// @ts-expect-error the user is found in the data
session('session:<sessionId>', { ttl: '24h', value: json<Login>(), perUser: { by: data => data.name } })

// @ts-expect-error the id is hashed by itself
session('session:<sessionId>', { ttl: '24h', value: json<Login>(), hashed: ['sessionId'] })

// @ts-expect-error nobody is let in
session('session:<sessionId>', { ttl: '24h', value: json<Login>(), whenDown: 'allow' })

// @ts-expect-error a feed that forgets to expire is a leak
feed('history:<userId>', { value })

// @ts-expect-error a handler takes the type of the channel
user.subscribe(({ message }: { message: number }) => message)

// @ts-expect-error what is kept is a number of messages or a length of time
channel('renamed:<userId>', { value, reliable: { keep: 'many' } })
interface Board {
  title: string
  people: Record<string, string>
}
const board = document('board:<id>', { ttl: '1h', value: json<Board>() })
declare const documents: Client<{ board: typeof board }>
const shared = documents.board({ id: 1 })
const compared = shared.compareAndSet(1, { title: 't', people: {} })
const changed = shared.update(current => current && { ...current, title: 'new' })

export type DocumentsSayWhatTheyTakeAndGive = [
  Expect<Equal<Awaited<ReturnType<typeof shared.get>>, Board | undefined>>,
  Expect<Equal<Awaited<typeof changed>, Snapshot<Board>>>,
  Expect<Equal<Awaited<typeof compared>['done'], boolean>>,
]

void shared.patch({ people: { ann: null } })

// @ts-expect-error a document says how long it lives
document('board:<id>', { value: json<Board>() })

// @ts-expect-error the value is of another type
void shared.set({ title: 't' })

// @ts-expect-error a patch is of the same fields
void shared.patch({ name: 't' })

// @ts-expect-error what is changed is a document
void shared.update(() => 'new')

interface Agent {
  region: string
}
const agents = registry('agents:<agentId>', { metadata: json<Agent>(), index: { region: agent => agent.region } })
const presence = registry('presence:<room>:<connectionId>', { whenDown: 'fail' })
declare const registries: Client<{ agents: typeof agents; presence: typeof presence }>
const membership = registries.agents({ agentId: 1 }).join({ capabilities: ['run'], metadata: { region: 'eu' } })
const inRoom = registries.presence.in({ room: 'r' })

export type RegistriesSayWhatTheyTakeAndGive = [
  Expect<Equal<Awaited<ReturnType<typeof registries.agents.find>>, readonly RegistryMember<Agent>[] | 'unknown'>>,
  Expect<Equal<Awaited<ReturnType<typeof registries.agents.pick>>, RegistryMember<Agent> | undefined | 'unknown'>>,
  Expect<Equal<Awaited<ReturnType<typeof inRoom.count>>, number>>,
  Expect<Equal<ReturnType<typeof inRoom.follow>, AsyncIterableIterator<RegistryEvent<undefined>>>>,
]

void registries.presence({ room: 'r', connectionId: 1 }).join()
void membership.then(member => member.update({ load: 2 }))
void registries.agents.find({ capabilities: 'run', where: { region: 'eu' } })

// @ts-expect-error what is declared is told
void registries.agents({ agentId: 1 }).join({ capabilities: ['run'] })

// @ts-expect-error the metadata is of another type
void membership.then(member => member.update({ metadata: { zone: 1 } }))

// @ts-expect-error no such field in the index
void registries.agents.find({ where: { zone: 'eu' } })

// @ts-expect-error there is a registry for each room
registries.presence.count

// @ts-expect-error a room has many connections
registries.presence.in({ room: 'r', connectionId: 1 })

// @ts-expect-error nothing is kept in this process alone
registry('agents:<agentId>', { whenDown: 'memory' })
