export type RespReply = string | number | null | Error | RespReply[]

const types = new Set(Buffer.from('+-:$*'))

/** One RESP2 reply from `start`, or undefined while it is not complete. */
export function parseReply(
  bytes: Buffer,
  start: number,
  encoding: 'utf8' | 'latin1',
): { reply: RespReply; next: number } | undefined {
  const type = bytes[start]
  // Not waiting for the end of a line that may never come.
  if (type !== undefined && !types.has(type)) return { reply: new Error('the reply is not RESP2'), next: bytes.length }
  const lineEnd = bytes.indexOf('\r\n', start)
  if (lineEnd < 0) return undefined
  const line = bytes.toString(encoding, start + 1, lineEnd)
  let next = lineEnd + 2
  switch (type) {
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
      return { reply: bytes.toString(encoding, next, next + length), next: next + length + 2 }
    }
    default: {
      // *
      if (Number(line) < 0) return { reply: null, next }
      const replies: RespReply[] = []
      while (replies.length < Number(line)) {
        const item = parseReply(bytes, next, encoding)
        if (item === undefined) return undefined
        replies.push(item.reply)
        next = item.next
      }
      return { reply: replies, next }
    }
  }
}
