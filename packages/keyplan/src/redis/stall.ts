import type { Clock, Timer } from '../base/clock.ts'
import { KeyplanError } from '../base/error.ts'
import { endpointName, type LinkSettings } from './settings.ts'

/** Counts what is outstanding on a link and ends it when the server has gone silent. */
export interface StallWatch {
  sent(): void
  settled(): void
  heard(): void
  stop(): void
}

/**
 * A link with calls outstanding and no byte for `stall` is dead: a hung server, a half-open connection, a zombie
 * master. An idle one is pinged every `pingEvery`, so that it is found too. A slow call does not take its neighbours
 * with it as long as bytes flow.
 *
 * A process whose event loop was blocked finds its timers due before it has read its sockets; so the verdict waits for
 * one turn of the loop, in which replies that were already there are heard.
 */
export function watchStall(
  settings: Pick<LinkSettings, 'endpoint' | 'stall' | 'pingEvery'>,
  clock: Clock,
  destroy: (reason: KeyplanError) => void,
  ping: () => Promise<unknown>,
): StallWatch {
  const { stall, pingEvery } = settings
  let outstanding = 0
  let quietSince = clock.now()
  let timer: Timer
  let stopped = false
  const silent = () => outstanding > 0 && clock.now() - quietSince >= stall

  function look(): void {
    if (silent()) {
      setImmediate(() => {
        if (stopped) return
        if (!silent()) return schedule()
        const server = endpointName(settings.endpoint)
        destroy(new KeyplanError('TIMEOUT', `Redis at ${server} sent nothing for ${stall} ms with calls outstanding`))
      })
      return
    }
    if (outstanding === 0 && clock.now() - quietSince >= pingEvery) ping().catch(() => {})
    schedule()
  }
  function schedule(): void {
    if (!stopped) timer = clock.after(stall / 4, look)
  }
  schedule()

  return {
    sent() {
      if (outstanding++ === 0) quietSince = clock.now()
    },
    settled() {
      outstanding--
    },
    heard() {
      quietSince = clock.now()
    },
    stop() {
      stopped = true
      timer.cancel()
    },
  }
}
