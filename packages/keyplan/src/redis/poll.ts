import type { Clock, Timer } from '../base/clock.ts'

interface PollOptions {
  /** With this many answers, the rest is waited for only `graceMs` longer: one that is frozen holds up nobody. */
  readonly enough: number
  readonly signal: AbortSignal
  readonly clock: Clock
}

const graceMs = 250

/**
 * Asks several at once. Resolves with the answers there are; with none it rejects with what the last one met.
 */
export function poll<Asked, Answer>(
  all: readonly Asked[],
  ask: (one: Asked) => Promise<Answer>,
  { enough, signal, clock }: PollOptions,
): Promise<Answer[]> {
  return new Promise((resolve, reject) => {
    const answers: Answer[] = []
    let open = all.length
    let last: unknown
    let timer: Timer | undefined

    function end(): void {
      timer?.cancel()
      signal.removeEventListener('abort', end)
      if (answers.length > 0) resolve(answers)
      else reject(last)
    }
    function settled(): void {
      open--
      if (open === 0) end()
      else if (answers.length >= enough) timer ??= clock.after(graceMs, end, true)
    }

    signal.addEventListener('abort', end)
    for (const one of all) {
      ask(one).then(
        answer => {
          answers.push(answer)
          settled()
        },
        error => {
          last = error
          settled()
        },
      )
    }
  })
}
