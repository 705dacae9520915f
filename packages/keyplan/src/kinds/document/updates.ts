import type { CallOptions } from '../../base/call.ts'
import type { Clock } from '../../base/clock.ts'
import { durationMs } from '../../base/duration.ts'
import { KeyplanError, shown } from '../../base/error.ts'
import { onAbort } from '../../base/on-abort.ts'
import { within } from '../../mechanisms/lease/patience.ts'
import type { Snapshot } from './contract.ts'

/** Which document it is. */
interface Keyed {
  readonly key: string
}

interface UpdateParts<Place extends Keyed, In, Out> {
  readonly namespace: string
  readonly clock: Clock
  read(place: Place, options: CallOptions): Promise<Snapshot<Out>>
  /** Writes it if it has that version; the document as it is then. */
  exchange(
    place: Place,
    version: number,
    next: In,
    options: CallOptions,
  ): Promise<Snapshot<Out> & { readonly done: boolean }>
}

/** What becomes of a document by a function of it. */
export type Update<Place, In, Out> = (
  place: Place,
  change: (current: Out | undefined) => Promise<In | undefined> | In | undefined,
  attempts: number,
  options: CallOptions,
) => Promise<Snapshot<Out>>

/** The longest rest after a conflict, in milliseconds. */
const longestRest = 50

/**
 * How long an update waits for those before it, in milliseconds. That is a courtesy: what keeps it from overwriting theirs is
 * the version. So a `change` that never ends, or one that updates the same document, holds up nobody for longer.
 */
const longestTurn = 5_000

/** Updates of one document by this process follow each other, so that they have only those of other processes to fear. */
export function createUpdates<Place extends Keyed, In, Out>({
  namespace,
  clock,
  read,
  exchange,
}: UpdateParts<Place, In, Out>): Update<Place, In, Out> {
  const lines = new Map<string, Promise<unknown>>()

  /** At random, so that those who met do not meet again; twice as long each time. */
  const rest = (attempt: number) =>
    new Promise<void>(resolve => {
      clock.after(Math.random() * Math.min(longestRest, 2 ** Math.min(attempt, 10)), resolve, true)
    })

  const turnAfter = (before: Promise<unknown>) =>
    new Promise<void>(resolve => {
      const timer = clock.after(longestTurn, resolve, true)
      void before.then(() => {
        timer.cancel()
        resolve()
      })
    })

  /** The terms of one update, those of the waits in this process included. */
  function termsOf({ signal, deadline }: CallOptions) {
    const end = deadline === undefined ? undefined : clock.now() + durationMs(deadline, 'deadline', shown)
    const given = (code: 'ABORTED' | 'TIMEOUT', message: string) =>
      new KeyplanError(code, message, {
        namespace,
        operation: 'update',
        outcome: 'not-executed',
        cause: signal?.reason,
      })
    return {
      ofCall: () => within(end && end - clock.now(), signal),
      wait<T>(work: Promise<T>): Promise<T> {
        if (end === undefined && signal === undefined) return work
        return new Promise<T>((resolve, reject) => {
          const abort = () => reject(given('ABORTED', 'The call was aborted by its signal'))
          const expire = () => reject(given('TIMEOUT', 'The update did not come to its end before its deadline'))
          const timer = end === undefined ? undefined : clock.after(Math.max(0, end - clock.now()), expire, true)
          const unlink = signal && onAbort(signal, abort)
          if (signal?.aborted) abort()
          const settled = () => {
            timer?.cancel()
            unlink?.()
          }
          work.then(resolve, reject).finally(settled)
        })
      },
    }
  }

  async function run(
    place: Place,
    change: Parameters<Update<Place, In, Out>>[1],
    attempts: number,
    { ofCall, wait }: ReturnType<typeof termsOf>,
  ): Promise<Snapshot<Out>> {
    let current = await read(place, ofCall())
    for (let attempt = 1; ; attempt++) {
      const { value, version } = current
      const next = await wait((async () => change(value))())
      if (next === undefined) return current
      const { done, ...found } = await exchange(place, version, next, ofCall())
      if (done) return found
      if (attempt >= attempts) throw conflict(namespace, attempts)
      current = found
      await rest(attempt)
    }
  }

  return async (place, change, attempts, options) => {
    const { key } = place
    const terms = termsOf(options)
    const before = lines.get(key)
    const turn = before ? turnAfter(before) : Promise.resolve()
    const mine = terms.wait(turn).then(() => run(place, change, attempts, terms))
    // Who gives up in the line leaves it in its order.
    const over = turn.then(() => mine.catch(() => {}))
    lines.set(key, over)
    void over.then(() => {
      if (lines.get(key) === over) lines.delete(key)
    })
    return mine
  }
}

function conflict(namespace: string, attempts: number): KeyplanError {
  const message = `The document of ${namespace} was changed by others at each of ${attempts} attempts`
  return new KeyplanError('DOCUMENT_CONFLICT', message, { namespace, operation: 'update', outcome: 'not-executed' })
}
