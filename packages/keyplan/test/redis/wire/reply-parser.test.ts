import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createReplyParser, ErrorReply } from '../../../src/redis/wire/reply-parser.ts'

type Told = string | number | null | ErrorReply | Told[]

/** As a server writes it. */
function written(reply: Told): Buffer {
  if (reply === null) return Buffer.from('$-1\r\n')
  if (typeof reply === 'number') return Buffer.from(`:${reply}\r\n`)
  if (reply instanceof ErrorReply) return Buffer.from(`-${reply.text}\r\n`)
  if (Array.isArray(reply)) return Buffer.concat([Buffer.from(`*${reply.length}\r\n`), ...reply.map(written)])
  const bytes = Buffer.from(reply)
  return Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')])
}

function parsed(chunks: readonly Buffer[], encoding: 'text' | 'bytes' = 'text'): Told[] {
  const replies: Told[] = []
  const hear = createReplyParser({ encoding: () => encoding, reply: reply => void replies.push(reply as Told) })
  for (const chunk of chunks) hear(chunk)
  return replies
}

const replies = fc.letrec<{ reply: Told; string: string; array: Told[] }>(tie => ({
  reply: fc.oneof(
    { depthSize: 'small' },
    tie('string'),
    fc.maxSafeInteger(),
    fc.constant(null),
    fc.stringMatching(/^[A-Z]{2,9} [a-z '.]{0,40}$/).map(text => new ErrorReply(text)),
    tie('array'),
  ),
  string: fc.oneof(fc.string(), fc.string({ unit: 'grapheme', maxLength: 300 }), fc.constant('\r\n$-1\r\n')),
  array: fc.array(tie('reply'), { maxLength: 6 }),
})).reply

test('what a server writes is read, wherever it is cut', () => {
  const cuts = fc.array(fc.nat(), { maxLength: 40 })
  fc.assert(
    fc.property(fc.array(replies, { minLength: 1, maxLength: 8 }), cuts, (told, places) => {
      const whole = Buffer.concat(told.map(written))
      const sorted = [0, ...places.map(place => place % whole.length).sort((a, b) => a - b), whole.length]
      const chunks = sorted.slice(1).map((to, index) => whole.subarray(sorted[index], to))
      expect(parsed(chunks.filter(({ length }) => length > 0))).toEqual(told)
      expect(parsed([...whole].map(byte => Buffer.of(byte)))).toEqual(told)
    }),
    { numRuns: 200 },
  )
})

test('a status is text, and strings and statuses are bytes where bytes are asked for', () => {
  const data = Buffer.from('+OK\r\n$3\r\n\xff\x00\x01\r\n*1\r\n$0\r\n\r\n', 'latin1')
  expect(parsed([data])[0]).toBe('OK')
  expect(parsed([data], 'bytes')).toEqual([Buffer.from('OK'), Buffer.of(255, 0, 1), [Buffer.alloc(0)]])
  expect(parsed([Buffer.from('*-1\r\n*0\r\n:-12\r\n')])).toEqual([null, [], -12])
})

test('how strings are read is asked once for each reply, when it begins', () => {
  const encodings = ['bytes', 'text'] as const
  let asked = 0
  const heard: unknown[] = []
  const hear = createReplyParser({
    encoding: () => encodings[asked++]!,
    reply: reply => void heard.push(reply),
  })
  for (const chunk of ['*2\r\n$2\r\na', 'b\r\n$1\r', '\nc\r\n', '$1\r\nd\r\n']) hear(Buffer.from(chunk))
  expect(heard).toEqual([[Buffer.from('ab'), Buffer.from('c')], 'd'])
  expect(asked).toBe(2)
})

test('a string of many pieces is put together once, however many there are', () => {
  const size = 8 * 1_048_576
  const whole = Buffer.concat([Buffer.from(`$${size}\r\n`), Buffer.alloc(size, 'x'), Buffer.from('\r\n:1\r\n')])
  const chunks = Array.from({ length: Math.ceil(whole.length / 1_000) }, (_, at) =>
    whole.subarray(at * 1_000, (at + 1) * 1_000),
  )
  const [text, one] = parsed(chunks)
  expect((text as string).length).toBe(size)
  expect(one).toBe(1)
})

test.each([
  ['HTTP/1.1 400 Bad Request\r\n'],
  ['?'],
  ['\u0000'],
  [`:${'1'.repeat(40)}`],
  ['$x\r\n'],
  ['$\r\n'],
  [':1-2\r\n'],
  ['*-\r\n'],
  ['$2\r\nabc\r\n'],
  ['+OK\rno\r\n'],
  ['%1\r\n+a\r\n+b\r\n'],
  [`+${'x'.repeat(70_000)}`],
])('%j is no reply', data => {
  expect(() => parsed([Buffer.from(data)])).toThrow('these bytes are no reply')
})
