import { createConnection, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { parseReply, type RespReply } from './resp-reply.ts'

/** Where a server listens: a port of 127.0.0.1, with TLS where its options are given, or a unix socket. */
export type RespTarget = { readonly port: number; readonly tls?: ConnectionOptions } | { readonly path: string }

export interface RespOptions {
  /** Ends the connection, whatever it is waiting for. */
  signal?: AbortSignal
  /** How words are written and replies read; `latin1` keeps every byte apart. Default `utf8`. */
  encoding?: 'utf8' | 'latin1'
  /** Spares later connections to the same server the costly part of the TLS handshake. Default: none is spared. */
  resume?: { session?: Buffer }
}

/** The smallest connection to a Redis server that is of use: one command, one reply, in order. */
export interface RespConnection {
  /** Resolves with the reply, an error reply being an `Error` value. Rejects when the connection ends first. */
  ask(...words: readonly string[]): Promise<RespReply>
  close(): void
}

/** Rejects when the server cannot be reached or trusted. Does not wait for the server to finish loading its data. */
export function connectResp(target: RespTarget, options: RespOptions = {}): Promise<RespConnection> {
  const { signal, encoding = 'utf8', resume } = options
  return new Promise((resolve, reject) => {
    const socket = socketTo(target, resume)
    const waiting: { resolve(reply: RespReply): void; reject(error: Error): void }[] = []
    let received = Buffer.alloc(0)
    let ended: Error | undefined

    const end = (error: Error) => {
      ended ??= error
      reject(ended)
      for (const asker of waiting.splice(0)) asker.reject(ended)
    }
    const abort = () => {
      end(new Error('the server did not answer in time'))
      socket.destroy()
    }
    if (signal?.aborted) abort()
    signal?.addEventListener('abort', abort, { once: true })

    socket.setNoDelay(true)
    socket.on('error', end)
    socket.on('end', () => end(new Error('the connection closed before the reply')))
    socket.on('close', () => {
      signal?.removeEventListener('abort', abort)
      end(new Error('the connection closed before the reply'))
    })
    socket.on('data', chunk => {
      received = Buffer.concat([received, chunk])
      const parse = () => parseReply(received, 0, encoding)
      for (let parsed = parse(); parsed !== undefined; parsed = parse()) {
        received = received.subarray(parsed.next)
        waiting.shift()?.resolve(parsed.reply)
      }
    })
    socket.on('path' in target || target.tls === undefined ? 'connect' : 'secureConnect', () =>
      resolve({
        ask: (...words) =>
          new Promise((resolve, reject) => {
            if (ended !== undefined) return reject(ended)
            waiting.push({ resolve, reject })
            socket.write(command(words, encoding))
          }),
        close: () => socket.destroy(),
      }),
    )
  })
}

/** Text for a connection of that encoding, so that what arrives is its UTF-8. */
export function spelled(text: string, encoding: 'utf8' | 'latin1'): string {
  return encoding === 'latin1' ? Buffer.from(text).toString('latin1') : text
}

function socketTo(target: RespTarget, resume: RespOptions['resume']): Socket {
  if ('path' in target) return createConnection(target)
  const address = { port: target.port, host: '127.0.0.1' }
  if (target.tls === undefined) return createConnection(address)
  const socket = connectTls({ ...target.tls, ...address, ...(resume?.session && { session: resume.session }) })
  return socket.on('session', session => {
    if (resume) resume.session = session
  })
}

function command(words: readonly string[], encoding: 'utf8' | 'latin1'): Buffer {
  const text = words.map(word => `$${Buffer.byteLength(word, encoding)}\r\n${word}\r\n`).join('')
  return Buffer.from(`*${words.length}\r\n${text}`, encoding)
}
