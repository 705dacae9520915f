import { createConnection } from 'node:net'

/** Where a server listens: a loopback port or a unix socket. */
export type RespTarget = { readonly port: number } | { readonly path: string }

export type RespReply = string | number | null | Error | RespReply[]

/** The smallest connection to a Redis server that is of use: one command, one reply, in order. */
export interface RespConnection {
  /** Resolves with the reply, an error reply being an `Error` value. Rejects when the connection ends first. */
  ask(...words: readonly string[]): Promise<RespReply>
  close(): void
}

/** Rejects when the server cannot be reached. Does not wait for the server to finish loading its data. */
export function connectResp(target: RespTarget): Promise<RespConnection> {
  return new Promise((resolve, reject) => {
    const socket = createConnection('path' in target ? target : { ...target, host: '127.0.0.1' })
    const waiting: { resolve(reply: RespReply): void; reject(error: Error): void }[] = []
    let received = Buffer.alloc(0)
    let ended: Error | undefined

    const end = (error: Error) => {
      ended ??= error
      reject(ended)
      for (const asker of waiting.splice(0)) asker.reject(ended)
    }
    socket.setNoDelay(true)
    socket.on('error', end)
    for (const event of ['end', 'close'])
      socket.on(event, () => end(new Error('the connection closed before the reply')))
    socket.on('data', chunk => {
      received = Buffer.concat([received, chunk])
      for (let parsed = parseReply(received, 0); parsed !== undefined; parsed = parseReply(received, 0)) {
        received = received.subarray(parsed.next)
        waiting.shift()?.resolve(parsed.reply)
      }
    })
    socket.on('connect', () =>
      resolve({
        ask: (...words) =>
          new Promise((resolve, reject) => {
            if (ended !== undefined) return reject(ended)
            waiting.push({ resolve, reject })
            socket.write(
              `*${words.length}\r\n${words.map(word => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`,
            )
          }),
        close: () => socket.destroy(),
      }),
    )
  })
}

/** One RESP2 reply from `start`, or undefined while it is not complete. */
function parseReply(bytes: Buffer, start: number): { reply: RespReply; next: number } | undefined {
  const lineEnd = bytes.indexOf('\r\n', start)
  if (lineEnd < 0) return undefined
  const line = bytes.toString('utf8', start + 1, lineEnd)
  let next = lineEnd + 2
  switch (bytes[start]) {
    case 0x2b: // +
      return { reply: line, next }
    case 0x2d: // -
      return { reply: new Error(line), next }
    case 0x3a: // :
      return { reply: Number(line), next }
    case 0x24: {
      // $
      const length = Number(line)
      if (length < 0) return { reply: null, next }
      if (bytes.length < next + length + 2) return undefined
      return { reply: bytes.toString('utf8', next, next + length), next: next + length + 2 }
    }
    case 0x2a: {
      // *
      if (Number(line) < 0) return { reply: null, next }
      const replies: RespReply[] = []
      while (replies.length < Number(line)) {
        const item = parseReply(bytes, next)
        if (item === undefined) return undefined
        replies.push(item.reply)
        next = item.next
      }
      return { reply: replies, next }
    }
    default:
      return { reply: new Error('the reply is not RESP2'), next: bytes.length }
  }
}
