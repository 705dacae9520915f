import { KeyplanError } from '../../base/error.ts'
import { createInbox } from '../../base/inbox.ts'
import { onAbort } from '../../base/on-abort.ts'
import { surfacing } from '../../base/surfacing.ts'
import type { Tell } from '../../base/tell.ts'
import type { LogGap } from '../../mechanisms/log/place.ts'
import type { Consumer, Happening } from './consumer.ts'
import type { ChannelSubscription, Delivery } from './contract.ts'
import type { Counting } from './figures.ts'
import type { ChannelSettings } from './settings.ts'

/** A message on its way to its consumer, or what is missing before it, or both. */
export interface Arrival {
  readonly payload: string | undefined
  readonly params: Delivery['params']
  readonly id: string | undefined
  readonly gap: LogGap | undefined
}

/** One subscription, before it is known where its messages come from. */
export interface Subscriber {
  readonly subscription: ChannelSubscription
  /** Delivers it, or keeps it until its turn. Where there is no room, what was declared to go goes. */
  take(arrival: Arrival): void
  /** The same, but says that there is no room: it is to be offered again. */
  offer(arrival: Arrival): boolean
  /** Messages may have been missed. */
  gap(): void
  end(error?: KeyplanError): void
  /** Done when it ends, at once if it has. */
  finally(release: () => void): void
}

export interface SubscriberParts {
  readonly name: string
  readonly settings: Pick<ChannelSettings, 'codec' | 'buffer'>
  readonly counting: Counting
  readonly tell: Tell<Happening>
}

/** @param room is told whenever something has left */
export function createSubscriber(
  { name, settings, counting, tell }: SubscriberParts,
  consumer: Consumer,
  signal: AbortSignal | undefined,
  room: () => void,
): Subscriber {
  const { codec, buffer } = settings
  const releases: (() => void)[] = []
  let dropped = 0
  let over = false
  let resolveEnded!: (error: KeyplanError | undefined) => void
  const ended = new Promise<KeyplanError | undefined>(resolve => {
    resolveEnded = resolve
  })

  const inbox = createInbox<Arrival>(buffer, deliver, room)
  counting.subscriptions++

  function deliver({ payload, params, id, gap }: Arrival): Promise<void> | undefined {
    if (gap) tellGap(gap)
    if (payload === undefined || over) return undefined
    let message: unknown
    try {
      message = codec.decode(payload)
    } catch {
      counting.undecodable++
      tell({ type: 'message-undecodable' }, 'a message did not decode as declared and was skipped')
      return undefined
    }
    counting.delivered++
    return consumer.deliver({ message, params, id })
  }

  function tellGap(missing: LogGap | undefined): void {
    counting.gaps++
    surfacing(() => consumer.gap({ missing }))
  }

  function lose(): void {
    dropped++
    counting.dropped++
    tell({ type: 'message-dropped' }, 'a handler is slower than the messages, and some were dropped')
  }

  function end(error?: KeyplanError): void {
    if (over) return
    over = true
    counting.subscriptions--
    inbox.close()
    unlink?.()
    for (const release of releases) release()
    if (error) tell({ type: 'subscription-ended', error }, `a subscription has ended: ${error.message}`)
    consumer.ended(error)
    resolveEnded(error)
  }

  const whenFull: Readonly<Record<ChannelSettings['buffer']['drop'], (arrival: Arrival) => void>> = {
    oldest(arrival) {
      do {
        inbox.dropOldest()
        lose()
      } while (!inbox.put(arrival, weightOf(arrival)))
    },
    newest: lose,
    close() {
      lose()
      end(
        new KeyplanError('OVERLOADED', `A subscription to ${name} was slower than its messages and was closed`, {
          namespace: name,
          operation: 'subscribe',
        }),
      )
    },
  }

  const unlink = signal && onAbort(signal, () => end())
  return {
    subscription: {
      get dropped() {
        return dropped
      },
      get waiting() {
        return inbox.waiting
      },
      ended,
      close: () => end(),
      [Symbol.dispose]: () => end(),
    },
    take(arrival) {
      counting.received++
      if (!inbox.put(arrival, weightOf(arrival))) whenFull[buffer.drop](arrival)
    },
    offer(arrival) {
      if (!inbox.put(arrival, weightOf(arrival))) return false
      if (arrival.payload !== undefined) counting.received++
      return true
    },
    gap: () => tellGap(undefined),
    end,
    finally(release) {
      if (over) release()
      else releases.push(release)
    },
  }
}

/** A character of text counts as one. */
const weightOf = ({ payload = '' }: Arrival) => payload.length
