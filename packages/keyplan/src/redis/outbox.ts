import type { Call } from '../base/call.ts'
import type { Clock } from '../base/clock.ts'
import { KeyplanError } from '../base/error.ts'
import { createSender, type Sender, type SenderOptions } from './commands.ts'
import { createInFlight } from './in-flight.ts'
import type { NodeSettings } from './settings.ts'
import { createWaiting } from './waiting.ts'

/** What is to be sent to one server: what is under way, and what waits for a link or for room. */
export interface Outbox extends Sender {
  /** Sends on a link of the caller's own, past those that wait. */
  past(link: SenderOptions['link']): Sender
  /** There is a link: those that wait go first. */
  release(): void
  /** Rejects those that wait. */
  reject(error: () => KeyplanError): void
  /** Resolves when nothing is under way, or after `ms`. */
  drained(ms: number): Promise<void>
}

interface OutboxOptions extends Pick<SenderOptions, 'link' | 'end' | 'failed'> {
  readonly settings: Pick<NodeSettings, 'waiting' | 'inFlight'>
  /** Whether the link was lost a moment ago. */
  isBlip(): boolean
  unreachable(): KeyplanError
  serverName(): string
  readonly clock: Clock
}

export function createOutbox(options: OutboxOptions): Outbox {
  const { settings, link, end, failed, isBlip, unreachable, serverName, clock } = options
  const waiting = createWaiting(settings.waiting, clock, () => (link()?.usable ? tooMuch() : unreachable()).message)
  const inFlight = createInFlight(clock, () => {
    if (waiting.size > 0 && link()?.usable) waiting.release(hasRoom)
  })
  const hasRoom = () => inFlight.count < settings.inFlight
  const isHeld = ({ hold }: Call) => hold === true || (hold === 'blip' && isBlip())

  function tooMuch(): KeyplanError {
    const message = `Redis at ${serverName()} has ${inFlight.count} commands under way`
    return new KeyplanError('OVERLOADED', message, { outcome: 'not-executed' })
  }

  const sender = createSender({
    end,
    failed,
    inFlight,
    clock,
    link,
    crowded: () => waiting.size > 0 || !hasRoom(),
    absent(call, args, go, fail) {
      const isCrowded = link()?.usable === true
      if (isCrowded ? call.hold === true : isHeld(call)) waiting.add(call, args, go, fail)
      else fail(isCrowded ? tooMuch() : unreachable())
    },
  })

  return {
    ...sender,
    past: own =>
      createSender({
        end,
        failed,
        inFlight,
        clock,
        link: own,
        absent: (_call, _args, _go, fail) => fail(unreachable()),
      }),
    release: () => waiting.release(hasRoom),
    reject: waiting.reject,
    drained: inFlight.drained,
  }
}
