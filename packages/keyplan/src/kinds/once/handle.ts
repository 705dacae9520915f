import { randomUUID } from 'node:crypto'
import { type CallOptions, checkOptions } from '../../base/call.ts'
import { durationMs } from '../../base/duration.ts'
import { isKeyplanError, KeyplanError, kindOf, shown } from '../../base/error.ts'
import { onAbort } from '../../base/on-abort.ts'
import type { Guarded } from '../../guard/guarded.ts'
import { type Claim, createClaim, isDoubtful } from '../../mechanisms/lease/claim.ts'
import { within } from '../../mechanisms/lease/patience.ts'
import type { ClaimAnswer, ClaimTerms, MarkStore } from '../../mechanisms/mark/store.ts'
import { createBell, type Listening, type Wake } from '../../mechanisms/wake.ts'
import type { Opened, Surroundings } from '../kind.ts'
import { createAnswers } from './answers.ts'
import type { Once, OnceAnswer, OnceCallOptions, OnceNamespace, OnceWork } from './contract.ts'
import { fingerprintOf } from './fingerprint.ts'
import { createPursuits } from './pursuits.ts'
import { createRun } from './run.ts'
import type { OnceSettings } from './settings.ts'
import type { Tenure } from './tenure.ts'

const ownOptions = ['wait', 'payload'] as const satisfies readonly (keyof OnceCallOptions)[]

/** How often a waiter asks while no notice comes, in milliseconds. */
const poll = 250

/** How long closing waits for what is under way, in milliseconds. */
const longestClose = 500

type Surround = Pick<Surroundings, 'name' | 'pattern' | 'clock' | 'instance' | 'server' | 'notify'>

/** @param wake where it is heard that a mark has changed, on the channel of its key */
export function openOnce<In, Out>(
  settings: OnceSettings<In, Out>,
  steps: Guarded<MarkStore>,
  wake: Wake,
  wakeOf: (key: string) => string,
  { name, pattern, clock, instance, server, notify }: Surround,
): Opened<OnceNamespace<string, In, Out>> {
  const { ttlMs, leaseMs, rerun, codec } = settings
  const answers = createAnswers(name, codec)
  const pursuits = createPursuits(clock)
  const tenures = new Set<Tenure>()
  const waiting = new Set<() => void>()
  let closed = false
  const run = createRun<In, Out>({
    namespace: name,
    source: pattern.source,
    settings,
    steps,
    redis: server?.redis,
    clock,
    pursuits,
    tenures,
    notify,
  })

  function check(signal: AbortSignal | undefined): void {
    const failure = (code: 'ABORTED' | 'CLOSED', message: string, cause?: unknown) =>
      new KeyplanError(code, message, { namespace: name, operation: 'claim', outcome: 'not-executed', cause })
    if (closed) throw failure('CLOSED', 'The client is closed')
    if (signal?.aborted) throw failure('ABORTED', 'The call was aborted by its signal', signal.reason)
  }

  /** Asks once. What a request without an answer may have claimed is given back in the background. */
  async function claim(key: string, by: Claim, terms: ClaimTerms, options: CallOptions): Promise<ClaimAnswer> {
    try {
      const answer = await steps.claim(options, key, by, terms)
      if (!closed || answer.state !== 'claimed') return answer
      check(undefined)
      return answer
    } catch (error) {
      if (by.granted || isDoubtful(by)) pursuits.start(() => steps.withdraw(undefined, key, by), leaseMs)
      throw error
    }
  }

  /** Asks until there is an end, or the wait is over. */
  async function claimed(key: string, by: Claim, terms: ClaimTerms, options: OnceCallOptions) {
    const { signal, deadline } = options
    const began = clock.now()
    const patience = options.wait === undefined ? 0 : durationMs(options.wait, 'wait', shown)
    const bound = deadline === undefined ? undefined : durationMs(deadline, 'deadline', shown)
    const bell = createBell(clock, true)
    let listening: Listening | undefined
    let last: { answer: ClaimAnswer; until: number } | undefined
    const unlink = signal && onAbort(signal, bell.ring)
    waiting.add(bell.ring)
    try {
      for (;;) {
        check(signal)
        const asked = clock.now()
        const answer = await claim(key, by, terms, within(bound && began + bound - asked, signal))
        const pause = began + Math.min(patience, bound ?? patience) - clock.now()
        last = { answer, until: asked + leaseMs }
        if (answer.state !== 'running' || pause < 1) return last
        listening ??= wake.listen(wakeOf(key), bell.ring)
        // Spread by a fifth, so that those who began together do not keep asking together.
        await bell.wait(Math.min(pause, poll * (0.8 + 0.4 * Math.random()), answer.remainingMs + 1))
      }
    } catch (error) {
      const outOfTime = bound !== undefined && clock.now() >= began + bound
      if (last && outOfTime && isKeyplanError(error, 'TIMEOUT')) return last
      throw error
    } finally {
      listening?.close()
      unlink?.()
      waiting.delete(bell.ring)
    }
  }

  async function tryRun(
    key: string,
    verb: string,
    work: OnceWork<In>,
    options: OnceCallOptions,
  ): Promise<OnceAnswer<Out>> {
    if (typeof work !== 'function') {
      const given = `${verb}() of '${pattern.source}' was given ${kindOf(work)}`
      throw new KeyplanError('PARAM_INVALID', `${given}; give it a function that does the work`)
    }
    checkOptions(options, ownOptions)
    const { payload, signal } = options
    const print = payload === undefined ? undefined : fingerprintOf(payload)
    const terms: ClaimTerms = { leaseMs, ttlMs, takeOver: rerun, print }
    const by = createClaim(`${instance}/${randomUUID()}`)
    const { answer, until } = await claimed(key, by, terms, options)
    if (answer.state !== 'claimed') return answers.told(answer)
    const value = await run({ key, claim: by, terms, attempt: answer.attempt, until }, work, signal)
    return { state: 'done', result: answers.result(value), replayed: false }
  }

  function open(key: string): Once<In, Out> {
    return {
      run: async (work, options = {}) => answers.resultOf(await tryRun(key, 'run', work, options)),
      tryRun: async (work, options = {}) => tryRun(key, 'tryRun', work, options),
      async inspect(options = {}) {
        checkOptions(options)
        return answers.seen(await steps.inspect(options, key))
      },
      async forget(options = {}) {
        checkOptions(options)
        return steps.forget(options, key)
      },
    }
  }

  return {
    client: params => open(pattern.format(params)),
    async close() {
      closed = true
      for (const tenure of tenures) tenure.lose('the client was closed')
      for (const ring of waiting) ring()
      await pursuits.close(longestClose)
    },
  }
}
