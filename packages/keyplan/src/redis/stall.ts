import type { Clock, Timer } from '../base/clock.ts'
import { KeyplanError } from '../base/error.ts'
import type { LinkSettings } from './settings.ts'

/** Counts what is outstanding on a link and ends it when the server has gone silent. */
export interface StallWatch {
  sent(): void
  settled(): void
  heard(): void
  stop(): void
}

const looksPerStall = 4

/**
 * A link with calls outstanding and no byte for `stall` is dead: a hung server, a half-open connection, a zombie
 * master. An idle one is pinged every `pingEvery`, so that it is found too. A slow call does not take its neighbours
 * with it as long as bytes flow, and neither does a large value on a slow line while the system still takes of it.
 *
 * Silence is counted in looks and not in time: a process whose event loop was blocked, or that was suspended, has not
 * listened meanwhile, and hears what came before it looks the next time.
 */
export function watchStall(
  server: string,
  settings: Pick<LinkSettings, 'stall' | 'pingEvery'>,
  clock: Clock,
  destroy: (reason: KeyplanError) => void,
  ping: () => Promise<unknown>,
  backlog: () => number = () => 0,
): StallWatch {
  const { stall, pingEvery } = settings
  const interval = stall / looksPerStall
  const looksPerPing = Math.ceil(pingEvery / interval)
  let outstanding = 0
  let silentLooks = 0
  let unsent = 0
  let timer: Timer
  let stopped = false

  function look(): void {
    silentLooks++
    const before = unsent
    unsent = backlog()
    if (unsent < before) silentLooks = 0
    // The first look may come right after the call was sent.
    if (outstanding > 0 && silentLooks > looksPerStall) {
      destroy(new KeyplanError('TIMEOUT', `Redis at ${server} sent nothing for ${stall} ms with calls outstanding`))
      return
    }
    if (outstanding === 0 && silentLooks >= looksPerPing) ping().catch(() => {})
    schedule()
  }
  function schedule(): void {
    if (!stopped) timer = clock.after(interval, look)
  }
  schedule()

  return {
    sent() {
      if (outstanding++ === 0) silentLooks = 0
    },
    settled() {
      outstanding--
    },
    heard() {
      silentLooks = 0
    },
    stop() {
      stopped = true
      timer.cancel()
    },
  }
}
