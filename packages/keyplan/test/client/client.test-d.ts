import type { Client } from '../../src/client/index.ts'
import { cache, definePlan, foreign, json, lock } from '../../src/index.ts'
import type { Equal, Expect } from '../types/expect.ts'

const plan = definePlan('shop', {
  profile: cache('profile:<tenant>:<id>', { ttl: '1m', value: json<{ name: string }>() }),
  checkout: lock('checkout:<id>', { ttl: '5s' }),
  jobs: foreign('bull:<queue>:<rest...>', { kind: 'bullmq' }),
})
declare const client: Client<typeof plan>
export type OfItsNamespacesToo = Expect<Equal<typeof client, Client<(typeof plan)['namespaces']>>>

export type OnlyWhatTheClientServes = Expect<
  Equal<Exclude<keyof typeof client, `$${string}` | symbol>, 'profile' | 'checkout' | 'jobs'>
>

const profile = client.profile({ tenant: 't', id: 1 })
export type ValuesAreTyped = Expect<Equal<Awaited<ReturnType<typeof profile.get>>, { name: string } | undefined>>
void profile.set({ name: 'Ada' })

// @ts-expect-error a parameter is missing
client.profile({ id: 1 })
// @ts-expect-error no such parameter
client.checkout({ id: 1, tenant: 't' })
// @ts-expect-error the value is of another type
void profile.set({ nom: 'Ada' })
// @ts-expect-error no such namespace
client.profiles
client.jobs.key({ queue: 'mail', rest: 'wait' })
client.profile.key({ tenant: 't', id: 1 })
// @ts-expect-error other software's keys have no verbs
client.jobs.get
// @ts-expect-error namespaces are not assigned to
client.checkout = undefined
// @ts-expect-error no such event
client.$on('disconnected', () => {})
client.$on('notice', notice => {
  if (notice.type === 'elected') return [notice.fence + 1n, notice.mark.length]
  if (notice.type === 'lock-lost') return [notice.error.message, notice.namespace.length]
  // @ts-expect-error not every notice has a fence
  return notice.fence
})
// @ts-expect-error no such notice
client.$on('notice', ({ type }) => type === 'lock-missing')
client.$on('connected', ({ server, afterMs }) => [server.length, afterMs.toFixed()])
