import { onAbort } from './on-abort.ts'

/** A signal that fires with the first of several, until it is let go of. */
export interface EitherSignal {
  readonly signal: AbortSignal
  forget(): void
}

/**
 * In place of `AbortSignal.any`, whose result leaves a trace in each of its sources for as long as that lives: sixty bytes
 * for each call, in a signal that lives as long as the process.
 */
export function eitherSignal(...sources: readonly AbortSignal[]): EitherSignal {
  const controller = new AbortController()
  const fired = sources.find(source => source.aborted)
  if (fired) {
    controller.abort(fired.reason)
    return { signal: controller.signal, forget() {} }
  }
  const links = sources.map(source => onAbort(source, () => controller.abort(source.reason)))
  return {
    signal: controller.signal,
    forget() {
      for (const unlink of links) unlink()
    },
  }
}
