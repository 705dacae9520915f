import type { Clock } from '../../base/clock.ts'
import type { Stored } from '../../base/codec.ts'
import { isKeyplanError } from '../../base/error.ts'
import type { Guarded } from '../../guard/guarded.ts'
import { createGather, type Gather } from '../../mechanisms/gather.ts'
import { createBell, type Wake } from '../../mechanisms/wake.ts'
import type { Lookup } from './lookup.ts'
import type { CacheNames } from './names.ts'
import type { Found, Question } from './reads.ts'
import type { CacheSettings } from './settings.ts'
import type { CacheStore } from './store.ts'

interface Asking {
  readonly question: Question
  readonly found: Found
}

/** The loads of all processes: one for each key. */
export interface Fleet {
  /**
   * The value that another process loads meanwhile, or what `load` gives when it is this one's turn; `gone` when Redis went
   * away. Of keys that are asked for together, in one tick, those whose turn it is at once are loaded in one tick as well.
   */
  run(asking: Asking, load: (gone: boolean) => Promise<Stored | undefined>, party?: object): Promise<Stored | undefined>
  /** Whoever waits loads for itself. */
  close(): void
}

interface FleetParts {
  readonly settings: CacheSettings
  readonly names: CacheNames
  readonly steps: Pick<Guarded<CacheStore>, 'claim' | 'release'>
  readonly wake: Wake
  /** Unique to this client. */
  readonly instance: string
  readonly lookup: Pick<Lookup, 'many'>
  readonly clock: Clock
}

/** Whether it is this one's turn, undefined when that cannot be asked, and what another has stored. */
type Answer = readonly [mine: boolean | undefined, value: Stored | undefined]

/** Between two looks for a value, or a claim that ended, of which no notice came. */
const pollMs = 500

/**
 * Who claims the key loads it; a claim that is not released ends with its time. The others listen, then look again, so
 * that no notice is missed. A load that failed stores nothing: the next in turn tries.
 */
export function createFleet(parts: FleetParts): Fleet {
  const { settings, names, steps, wake, instance, lookup, clock } = parts
  const { hardMs } = settings.loadTimeout
  const claimMs = hardMs === Number.POSITIVE_INFINITY ? settings.loadWindowMs : hardMs
  const waitMs = settings.acrossProcesses?.waitMs ?? 0
  const waiting = new Set<() => void>()
  let claims = 0
  let closed = false

  /** Undefined for who cannot ask, and is on its own. */
  const claim = (key: string, token: string) =>
    steps.claim(undefined, key, token, claimMs).catch(error => {
      if (isKeyplanError(error, 'CLOSED')) throw error
      return undefined
    })

  /** What was stored since the key was asked for. */
  async function newer(question: Question, before: Found): Promise<Stored | undefined> {
    const [seen] = await lookup.many([question], undefined).catch(() => [])
    const stored = seen?.found.stored
    if (!seen || stored === null || stored === undefined || same(stored, before.stored)) return undefined
    const { is } = seen.opened
    return is === 'fresh' || is === 'due' ? stored : undefined
  }

  // In this order on one link: what is stored before a claim ends is seen by who claims next.
  const ask = ({ question, found }: Asking, token: string): Promise<Answer> =>
    Promise.all([claim(question.key, token), newer(question, found)])

  const parties = new WeakMap<object, Gather<() => Promise<Answer>, Answer>>()

  /** Each claim is answered for itself, sooner or later: those of a party go on when all of them are. */
  function askTogether(party: object, asks: () => Promise<Answer>): Promise<Answer> {
    let gather = parties.get(party)
    if (!gather) {
      gather = createGather({ max: Number.POSITIVE_INFINITY, run: all => Promise.all(all.map(one => one())) })
      parties.set(party, gather)
    }
    return gather.add(asks)
  }

  return {
    async run(asking, load, party) {
      const { key } = asking.question
      const token = `${instance}:${++claims}`
      const patient = clock.now() + waitMs
      const bell = createBell(clock, true)
      let listening: { close(): void } | undefined
      waiting.add(bell.ring)
      try {
        for (let first = true; ; first = false) {
          const asks = () => ask(asking, token)
          const [mine, value] = await (party && first ? askTogether(party, asks) : asks())
          if (mine !== false && value !== undefined) void steps.release(undefined, key, token).catch(() => {})
          if (value !== undefined) return value
          if (mine !== false) {
            return await load(mine === undefined).finally(
              () => void steps.release(undefined, key, token).catch(() => {}),
            )
          }
          const left = patient - clock.now()
          if (left < 1 || closed) return await load(false)
          listening ??= wake.listen(names.loaded(key), bell.ring)
          await bell.wait(Math.min(left, pollMs))
        }
      } finally {
        listening?.close()
        waiting.delete(bell.ring)
      }
    },
    close() {
      closed = true
      for (const ring of waiting) ring()
    },
  }
}

function same(one: Stored, other: Stored | null | undefined): boolean {
  if (typeof one === 'string' || typeof other === 'string') return one === other
  return other !== null && other !== undefined && Buffer.compare(one, other) === 0
}
