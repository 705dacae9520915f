import type { Clock } from '../../base/clock.ts'
import { algorithms } from './algorithms.ts'
import { answerOf, combined } from './answer.ts'
import { nextBlock } from './block-policy.ts'
import { tooMany } from './ledger.ts'
import type { RateLimitPolicy } from './policy.ts'
import { type Decision, type Part, partsOf, type RateLimitStore, type Request } from './store.ts'

/**
 * The limits of one process, counted in the ledger of each part's namespace.
 *
 * @param policyOf what a part is held to here
 */
export function createMemoryRateLimitStore(
  clock: Clock,
  policyOf: (part: Part) => RateLimitPolicy = part => part.policy,
): RateLimitStore {
  const time = () => Math.floor(clock.now())

  function look(part: Part, now: number, asked: number) {
    const policy = policyOf(part)
    const { ledger } = part.home
    const how = algorithms[policy.algorithm]
    const entry = ledger.get(part.key, now)
    const usage = how.look(entry, now, policy, asked)
    const blockedMs = part.blockKey === undefined ? 0 : Math.max(0, (ledger.block(part.key, now)?.until ?? 0) - now)
    const fits = blockedMs === 0 && how.fits(usage, asked, policy)
    return { part: { ...part, policy }, how, entry, usage, fits, blockedMs, asked }
  }

  function take({ part, how, entry, usage }: ReturnType<typeof look>, now: number): void {
    part.home.ledger.set(part.key, how.take(entry, usage, part.cost, now, part.policy))
  }

  /** The milliseconds until it ends; 0 when there is no room to note it. */
  function blockPart({ key, home: { ledger }, policy }: Part, now: number, forMs: number): number {
    const { block } = policy
    if (!block) return 0
    const record = nextBlock(ledger.block(key, now), now, forMs, block)
    return ledger.setBlock(key, record, record.until + block.rememberMs, now) ? record.until - now : 0
  }

  function decide(request: Request): Decision {
    const now = time()
    const { forced } = request
    const looks = partsOf(request).map(part => look(part, now, forced || part.cost === 0 ? 1 : part.cost))
    const taking = looks.filter(({ part, entry }) => part.cost > 0 && !entry && !part.home.ledger.has(part.key))
    const room = taking.every(({ part }) => part.home.ledger.hasRoom(now, taking.length))
    const fits = forced || looks.every(found => found.fits)
    if (fits && !room) return tooMany(request.home.ledger.size)
    const answers = looks.map(found => {
      const { part, how, asked } = found
      let { usage, blockedMs } = found
      if (fits && part.cost !== 0) {
        take(found, now)
        usage = how.look(part.home.ledger.get(part.key, now), now, part.policy, asked)
      } else if (!found.fits && blockedMs === 0 && part.cost > 0 && part.policy.block?.onDenied) {
        blockedMs = blockPart(part, now, part.policy.block.forMs)
      }
      const allowed = forced ? how.fits(usage, 1, part.policy) : found.fits
      return answerOf(part, forced, blockedMs > 0 ? -blockedMs : Number(allowed), usage)
    })
    return combined(answers)
  }

  return {
    consume: async (_, requests) => requests.map(decide),
    peek: async (_, requests) => requests.map(decide),
    async reset(_, request) {
      for (const { key, home } of partsOf(request)) home.ledger.forget(key)
    },
    async block(_, request, forMs) {
      const lasts = blockPart({ ...request, policy: policyOf(request) }, time(), forMs)
      if (lasts === 0) throw tooMany(request.home.ledger.size)
      return lasts
    },
  }
}
