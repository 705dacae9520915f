import type { Clock } from '../../base/clock.ts'
import type { EffectClaim, Standing } from './delivery.ts'

/** What a group in memory has done, or is about to do. */
export interface MemoryEffects {
  claim(claims: readonly EffectClaim[], ms: number): Standing[]
  done(effects: readonly string[]): void
  /** Its entry brought none about. */
  free(effect: string, id: string): void
}

export function createMemoryEffects(ttlMs: number, clock: Clock): MemoryEffects {
  const effects = new Map<string, { holder: string; until: number }>()
  return {
    claim(claims, ms) {
      const now = clock.now()
      return claims.map(({ id, effect }) => {
        const known = effects.get(effect)
        const holder = known && known.until > now ? known.holder : undefined
        if (holder === 'done') return 'done'
        if (holder !== undefined && holder !== id) return 'busy'
        effects.set(effect, { holder: id, until: now + ms })
        return 'mine'
      })
    },
    done(names) {
      const now = clock.now()
      for (const [effect, known] of effects) {
        if (known.until > now) break
        effects.delete(effect)
      }
      for (const effect of names) effects.set(effect, { holder: 'done', until: now + ttlMs })
    },
    free(effect, id) {
      if (effects.get(effect)?.holder === id) effects.delete(effect)
    },
  }
}
