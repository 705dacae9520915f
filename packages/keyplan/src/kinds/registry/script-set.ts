import type { Reply } from '../../redis/redis.ts'
import { type Script, script } from '../../redis/script.ts'
import { registryFunctions } from './lua.ts'
import type { Absence, Sweep } from './store.ts'

const keys = ['leases', 'members', 'owners', 'index', 'loads', 'turns', 'clock', 'log'] as const

/** What every script is told: the lease, how long what nobody writes is kept, and the terms of its events. */
const common = [
  ...(['lease', 'linger', 'cutoff', 'most', 'count', 'age', 'bytes', 'ttl', 'renew'] as const),
  ...(['command', 'channel', 'announcelog', 'acount', 'aage', 'abytes', 'attl', 'arenew'] as const),
] as const

interface RegistryScript<A extends string, Answer> {
  readonly name: string
  /** What it is told beside `common`. */
  readonly args: readonly A[]
  /** Of the reply, what stands behind `expired` and `refusal`. */
  read(answer: readonly Reply[]): Answer
  /** Whether it can run where there is no memory for writes: it begins with one that frees. */
  readonly frees?: true
  /** Sweeps, and returns `expired` and `refusal` before its answer. */
  readonly lua: string
}

/** One step of one registry, with what `lua.ts` gives it. */
export function registryScript<const A extends string, Answer>({
  name,
  args,
  read,
  frees,
  lua,
}: RegistryScript<A, Answer>): Script<(typeof keys)[number], (typeof common)[number] | A, Sweep & Answer> {
  return script({
    name: `registry.${name}`,
    keys,
    args: [...common, ...args],
    reply: reply => {
      const [expired, refusal, ...answer] = reply as Reply[]
      return { expired: Number(expired), unannounced: String(refusal) || undefined, ...read(answer) }
    },
    lua: `${frees ? "redis.call('HDEL', clock, '')" : ''}${registryFunctions}${lua}`,
  })
}

/** How a script says why somebody is no member: by the place, from 1. */
export const absences: readonly (Absence | undefined)[] = [undefined, 'gone', 'replaced']
