import type { Encoding, Reply } from '../redis.ts'

/** What the server refused, as an answer of its own or as one of several. */
export class ErrorReply {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

export interface ReplyParserOptions {
  /** How the strings of the reply that begins are read. */
  encoding(): Encoding
  reply(reply: Reply | ErrorReply): void
}

interface OpenArray {
  readonly items: unknown[]
  readonly length: number
}

const cr = 13
const lf = 10
const minus = 45
const zero = 48

const text = 43 // +
const error = 45 // -
const integer = 58 // :
const string = 36 // $
const array = 42 // *

/** No line of a server is longer: numbers have few digits, and errors quote no more than a part of what they were sent. */
const longestLine: Readonly<Record<number, number>> = {
  [text]: 65_536,
  [error]: 65_536,
  [integer]: 32,
  [string]: 32,
  [array]: 32,
}

/**
 * Reads replies of RESP2 as their bytes come, however they are cut. A string that comes in many pieces is put together once,
 * when the last of them is there.
 *
 * @throws Error for bytes that are no reply. What comes behind them makes no sense either.
 *
 * Source: https://redis.io/docs/latest/develop/reference/protocol-spec/
 */
export function createReplyParser({ encoding, reply }: ReplyParserOptions): (chunk: Buffer) => void {
  /** The arrays that are not whole, the outermost first. */
  const arrays: OpenArray[] = []
  /** The begin of a line whose end is still to come. */
  let begun: Buffer | undefined
  /** The pieces of a string whose end is still to come, and how many bytes it has with its line end. */
  let pieces: Buffer[] = []
  let present = 0
  let awaited = 0
  let isText = true

  function take(value: unknown): void {
    for (let whole = value; ; ) {
      const inner = arrays.at(-1)
      if (!inner) {
        reply(whole as Reply)
        return
      }
      inner.items.push(whole)
      if (inner.items.length < inner.length) return
      arrays.pop()
      whole = inner.items
    }
  }

  function takeString(data: Buffer, from: number, to: number): void {
    if (data[to] !== cr || data[to + 1] !== lf) throw strange()
    take(isText ? data.toString('utf8', from, to) : data.subarray(from, to))
  }

  /** Where the line ends, or -1 if that is not there yet. */
  function lineEnd(data: Buffer, from: number): number {
    const longest = longestLine[data[from]!]
    if (longest === undefined) throw strange()
    for (let at = from; at < data.length - 1; at++) {
      if (data[at] !== cr) continue
      if (data[at + 1] !== lf) throw strange()
      return at
    }
    if (data.length - from > longest) throw strange()
    return -1
  }

  return chunk => {
    let data = chunk
    let at = 0
    if (awaited > 0) {
      pieces.push(chunk)
      present += chunk.length
      if (present < awaited) return
      data = Buffer.concat(pieces, present)
      at = awaited
      pieces = []
      awaited = 0
      takeString(data, 0, at - 2)
    } else if (begun) {
      data = Buffer.concat([begun, chunk])
      begun = undefined
    }
    while (at < data.length) {
      const end = lineEnd(data, at)
      if (end < 0) {
        begun = data.subarray(at)
        return
      }
      if (arrays.length === 0) isText = encoding() === 'text'
      const type = data[at]
      const from = at + 1
      at = end + 2
      if (type === string) {
        const length = numberIn(data, from, end)
        if (length < 0) take(null)
        else if (data.length - at < length + 2) {
          pieces = [data.subarray(at)]
          present = data.length - at
          awaited = length + 2
          return
        } else {
          takeString(data, at, at + length)
          at += length + 2
        }
      } else if (type === integer) {
        take(numberIn(data, from, end))
      } else if (type === array) {
        const length = numberIn(data, from, end)
        if (length > 0) arrays.push({ items: [], length })
        else take(length < 0 ? null : [])
      } else if (type === text) {
        take(isText ? data.toString('utf8', from, end) : data.subarray(from, end))
      } else if (type === error) {
        take(new ErrorReply(data.toString('utf8', from, end)))
      } else throw strange()
    }
  }
}

function numberIn(data: Buffer, from: number, to: number): number {
  const isNegative = data[from] === minus
  let at = isNegative ? from + 1 : from
  if (at === to) throw strange()
  let number = 0
  for (; at < to; at++) {
    const digit = data[at]! - zero
    if (!(digit >= 0 && digit <= 9)) throw strange()
    number = number * 10 + digit
  }
  return isNegative ? -number : number
}

const strange = () => new Error('these bytes are no reply')
