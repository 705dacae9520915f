import { KeyplanError, kindOf, shown } from '../base/error.ts'
import { type Size, sizeBytes } from '../base/size.ts'
import { type Followable, type FollowedOptions, followFrom } from './followed.ts'

export type { Followable, FollowedOptions } from './followed.ts'

/** A socket as browsers, `ws`, Deno and Bun have it. */
export interface EventSocket {
  /** 1 while it is open. */
  readonly readyState: number
  /** Bytes that the network has not taken yet. */
  readonly bufferedAmount: number
  send(data: string): void
  addEventListener(type: 'close', listener: () => void): void
}

export interface SocketOptions<T> extends FollowedOptions<T> {
  /** It sends nothing more while so much has not been taken by the network. Default: 64kb. */
  most?: Size
}

/** How often it looks whether the network has taken something, in milliseconds. */
const lookEvery = 20

const open = 1

/**
 * Sends what a feed or channel gets over a WebSocket that is open: `{"id":"…","value":…}` for each entry, and `{"gap":{…}}`
 * where some are missing. A client that comes back tells the last id in a way of its own (`lastEventId`). A client that is
 * slow costs what the feed's `buffer` holds. Resolves when the socket is closed, or the source has ended.
 *
 * @throws KeyplanError PARAM_INVALID
 */
export async function sendToSocket<T>(
  source: Followable<T>,
  socket: EventSocket,
  options: SocketOptions<T> = {},
): Promise<void> {
  if (typeof socket?.send !== 'function') {
    throw new KeyplanError('PARAM_INVALID', `sendToSocket() was given ${kindOf(socket)}; give it a WebSocket`)
  }
  const { data = JSON.stringify, most = '64kb' } = options
  const limit = sizeBytes(most, 'most', shown)
  const events = followFrom(source, options, gap => tell(`{"gap":${JSON.stringify(gap)}}`))
  const tell = (text: string) => {
    if (socket.readyState === open) socket.send(text)
  }
  socket.addEventListener('close', () => void events.return?.())
  try {
    while (socket.readyState === open) {
      const { done, value } = await events.next()
      if (done) return
      tell(`{"id":${JSON.stringify(value.id ?? null)},"value":${data(value.value)}}`)
      while (socket.readyState === open && socket.bufferedAmount > limit) {
        await new Promise(resolve => setTimeout(resolve, lookEvery).unref())
      }
    }
  } finally {
    await events.return?.()
  }
}
