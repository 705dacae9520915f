import type { CallOptions } from '../../base/call.ts'
import type { Clock } from '../../base/clock.ts'
import { durationMs } from '../../base/duration.ts'
import { KeyplanError, shown } from '../../base/error.ts'
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

  const run: Update<Place, In, Out> = async (place, change, attempts, { signal, deadline }) => {
    const end = deadline === undefined ? undefined : clock.now() + durationMs(deadline, 'deadline', shown)
    const terms = () => within(end && end - clock.now(), signal)
    let current = await read(place, terms())
    for (let attempt = 1; ; attempt++) {
      const next = await change(current.value)
      if (next === undefined) return current
      const { done, ...found } = await exchange(place, current.version, next, terms())
      if (done) return found
      if (attempt >= attempts) throw conflict(namespace, attempts)
      current = found
      await rest(attempt)
    }
  }

  return (place, ...args) => {
    const { key } = place
    const before = lines.get(key) ?? Promise.resolve()
    const mine = before.then(() => run(place, ...args))
    const end = mine.catch(() => {})
    lines.set(key, end)
    void end.then(() => {
      if (lines.get(key) === end) lines.delete(key)
    })
    return mine
  }
}

function conflict(namespace: string, attempts: number): KeyplanError {
  const message = `The document of ${namespace} was changed by others at each of ${attempts} attempts`
  return new KeyplanError('DOCUMENT_CONFLICT', message, { namespace, operation: 'update', outcome: 'not-executed' })
}
