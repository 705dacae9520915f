import type { Argument } from '../redis.ts'

/** What commands are written to. */
interface Sink {
  cork(): void
  uncork(): void
  write(data: string | Uint8Array, encoding?: BufferEncoding): unknown
}

/** Commands that wait to leave together. */
export interface Outgoing {
  add(name: string, args: readonly Argument[]): void
  /** Gives all to the sink, as few pieces as they make: text is one, however many commands it holds. */
  leave(sink: Sink): void
}

const end = '\r\n'

export function createOutgoing(): Outgoing {
  let pieces: (string | Uint8Array)[] = []
  let text = ''
  /** Each character of what waits is one byte. */
  let isPlain = true

  function addText(value: string): void {
    const bytes = Buffer.byteLength(value)
    if (bytes !== value.length) isPlain = false
    text += `$${bytes}${end}${value}${end}`
  }

  return {
    add(name, args) {
      text += `*${args.length + 1}${end}$${name.length}${end}${name}${end}`
      for (const arg of args) {
        if (typeof arg === 'string') addText(arg)
        else if (typeof arg === 'number') addText(String(arg))
        else {
          pieces.push(`${text}$${arg.length}${end}`, arg)
          text = end
        }
      }
    },
    leave(sink) {
      const encoding = isPlain ? 'latin1' : 'utf8'
      if (pieces.length === 0) {
        if (text !== '') sink.write(text, encoding)
      } else {
        sink.cork()
        for (const piece of pieces) typeof piece === 'string' ? sink.write(piece, encoding) : sink.write(piece)
        sink.write(text, encoding)
        sink.uncork()
      }
      pieces = []
      text = ''
      isPlain = true
    },
  }
}
