import type { Clock } from '../../base/clock.ts'
import { combined } from './answer.ts'
import type { RateLimitResult } from './contract.ts'
import { createMemoryRateLimitStore } from './memory.ts'
import { type RateLimitPolicy, shareOf } from './policy.ts'
import type { RateLimitWhenDown } from './settings.ts'
import { type Decision, type Part, partsOf, type RateLimitStore, type Request } from './store.ts'

const retryAfterMs = 1_000

/**
 * What `whenDown` answers: of several limits, each says what its own namespace declares. A reset and a block have no
 * answer but Redis': they reject.
 *
 * @param counted told of each request that this process has counted by itself, and by which policy
 */
export function rateLimitFallback(
  clock: Clock,
  counted: (part: Part, share: RateLimitPolicy) => void = () => {},
): Pick<RateLimitStore, 'consume' | 'peek'> {
  const shares = createShares()
  const shareFor = ({ policy, home }: Part) => shares(policy, home.instances())
  const memory = createMemoryRateLimitStore(clock, shareFor)

  async function count(request: Request, parts: readonly Part[]): Promise<readonly Decision[]> {
    const [first, ...more] = parts
    if (!first) return []
    const { forced } = request
    const [decision] = await memory.consume({ ...terms }, [{ ...first, more: more.length ? more : undefined, forced }])
    if (!decision || decision instanceof Error) return decision ? [decision] : []
    if (decision.allowed || forced) for (const part of parts) if (part.cost !== 0) counted(part, shareFor(part))
    return decision.parts ?? [decision]
  }

  async function decide(request: Request): Promise<Decision> {
    const parts = partsOf(request)
    const own = parts.filter(({ home }) => home.whenDown === 'memory')
    const isDenied = !request.forced && parts.some(({ home }) => home.whenDown === 'deny')
    const counts = await count(request, isDenied ? own.map(part => ({ ...part, cost: 0 })) : own)
    const failure = counts.find(one => one instanceof Error)
    if (failure) return failure
    const answers = parts.map(part => fixed(part) ?? (counts[own.indexOf(part)] as RateLimitResult))
    return combined(answers.map(answer => ({ ...answer, degraded: true as const })))
  }

  const consume: RateLimitStore['consume'] = (_, requests) => Promise.all(requests.map(decide))
  return { consume, peek: consume }
}

const terms = { expires: Number.POSITIVE_INFINITY, hold: false, written: 0 }

/** The answer that needs no counting. */
function fixed({ policy: { capacity, scale }, home }: Part): RateLimitResult | undefined {
  const limit = capacity / scale
  const answers: Readonly<Record<RateLimitWhenDown, RateLimitResult | undefined>> = {
    allow: { allowed: true, limit, remaining: limit, resetMs: 0, retryAfterMs: 0 },
    deny: { allowed: false, limit, remaining: 0, resetMs: retryAfterMs, retryAfterMs },
    memory: undefined,
  }
  return answers[home.whenDown]
}

/** Made once for each policy, and again when the number of processes changes. */
function createShares() {
  const known = new WeakMap<RateLimitPolicy, { readonly instances: number; readonly share: RateLimitPolicy }>()
  return (policy: RateLimitPolicy, instances: number) => {
    const found = known.get(policy)
    if (found?.instances === instances) return found.share
    const share = shareOf(policy, instances)
    known.set(policy, { instances, share })
    return share
  }
}
