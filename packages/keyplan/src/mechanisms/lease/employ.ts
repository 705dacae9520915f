import { bigintsAsText } from '../../base/bigint-text.ts'
import { eitherSignal } from '../../base/either-signal.ts'
import { KeyplanError, kindOf } from '../../base/error.ts'
import type { Held } from './held.ts'

/** What the work is given of what is held for it. */
export type Holding = Pick<Held, 'signal' | 'fence' | 'degraded'>

/** Does work for which something is held; its signal fires with the caller's own, too. */
export async function employ<H extends Pick<Held, 'signal'>, T>(
  holding: H,
  work: (holding: H) => T | Promise<T>,
  own: AbortSignal | undefined,
): Promise<T> {
  if (!own) return await work(holding)
  const either = eitherSignal(holding.signal, own)
  try {
    return await work({ ...holding, signal: either.signal })
  } finally {
    either.forget()
  }
}

/** Its signal is made for who asks for it. */
export const holdingOf = (held: Held): Holding =>
  bigintsAsText({
    fence: held.fence,
    degraded: held.degraded,
    get signal() {
      return held.signal
    },
  })

/**
 * @param verb that was given the work
 * @throws KeyplanError PARAM_INVALID
 */
export function checkWork(work: unknown, verb: string, pattern: { readonly source: string }): void {
  if (typeof work === 'function') return
  const given = `${verb}() of '${pattern.source}' was given ${kindOf(work)}`
  throw new KeyplanError('PARAM_INVALID', `${given}; give it a function that does the work`)
}
