import { type Declaration, definePlan, foreign, type ParamName, type Params, withPrefix } from '../../src/index.ts'
import type { Equal, Expect } from './expect.ts'

export type ParamsAreRead = [
  Expect<Equal<Params<'user:<userId>'>, { userId: string | number }>>,
  Expect<Equal<Params<'a:<x>:<y>:{<z>}'>, { x: string | number; y: string | number; z: string | number }>>,
  Expect<Equal<Params<'cache:<key...>'>, { key: string | number }>>,
  Expect<Equal<Params<'bull:<queue>:<rest...>'>, { queue: string | number; rest: string | number }>>,
  Expect<Equal<Params<string>, Record<string, string | number>>>,
  Expect<Equal<ParamName<'plain:{tag}'>, never>>,
]

const address: Params<'user:<userId>:<depth>'> = { userId: 'u1', depth: 2 }
void address

// @ts-expect-error a parameter is missing
const missing: Params<'user:<userId>:<depth>'> = { userId: 'u1' }
void missing

// @ts-expect-error no such parameter
const extra: Params<'user:<userId>'> = { userId: 'u1', depth: 2 }
void extra

// @ts-expect-error a parameter is a string or a number
const boolean: Params<'user:<userId>'> = { userId: true }
void boolean

// @ts-expect-error what may be undefined has to be checked first
const undefinedValue: Params<'user:<userId>'> = { userId: process.env.USER_ID }
void undefinedValue

declare const user: Declaration<'cache', 'user:<id>', () => Promise<string>>
const jobs = foreign('bull:<queue>:<rest...>', { kind: 'bullmq', budget: { keys: 1_000, bytes: '2mb' } })
const plan = definePlan('app', { user, jobs }, { prefix: 'app:' })

export type PlanKeepsItsTypes = [
  Expect<Equal<typeof plan.namespaces.user.pattern, 'user:<id>'>>,
  Expect<Equal<NonNullable<(typeof plan.namespaces.user)['~client']>, () => Promise<string>>>,
  Expect<Equal<(typeof plan.namespaces.jobs)['~client'], undefined>>,
  Expect<Equal<keyof typeof plan.patterns, 'user' | 'jobs'>>,
]

const moved = withPrefix(plan, 'staging:')
export type MovingKeepsThem = Expect<Equal<typeof moved, typeof plan>>

// @ts-expect-error a plan holds declarations
definePlan('app', { user: 'user:<id>' })

// @ts-expect-error a prefix is text
definePlan('app', { user }, { prefix: 5 })

// @ts-expect-error the namespaces of a plan cannot be replaced
plan.namespaces = { user, jobs }

// @ts-expect-error no such namespace
void plan.patterns.profile

// @ts-expect-error somebody owns them
foreign('bull:<queue>', {})

// @ts-expect-error keys of other software are not hashed here
foreign('bull:<queue>', { kind: 'bullmq', hashed: ['queue'] })

// @ts-expect-error a size has a unit
foreign('bull:<queue>', { kind: 'bullmq', budget: { bytes: '2' } })

// @ts-expect-error a size has a unit that Redis knows
foreign('bull:<queue>', { kind: 'bullmq', budget: { bytes: '2tb' } })
