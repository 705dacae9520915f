import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Argument, Command } from '../../../src/redis/redis.ts'
import { createOutgoing } from '../../../src/redis/wire/outgoing.ts'
import { createReplyParser } from '../../../src/redis/wire/reply-parser.ts'

function sinkOf() {
  const pieces: Buffer[] = []
  let corks = 0
  return {
    pieces,
    corked: () => corks,
    cork: () => void corks++,
    uncork: () => void corks--,
    write(data: string | Uint8Array, encoding?: BufferEncoding) {
      pieces.push(typeof data === 'string' ? Buffer.from(data, encoding) : Buffer.from(data))
    },
  }
}

/** A command has the form of a reply that is an array of strings. */
function commandsIn(bytes: Buffer): unknown[] {
  const commands: unknown[] = []
  createReplyParser({ encoding: () => 'bytes', reply: reply => void commands.push(reply) })(bytes)
  return commands
}

const bytesOf = (arg: Argument) => (typeof arg === 'number' ? Buffer.from(String(arg)) : Buffer.from(arg as string))

const argument = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.double({ noDefaultInfinity: true, noNaN: true }),
  fc.uint8Array({ maxLength: 40 }),
)

test('whatever its arguments are, a server reads the command that was meant', () => {
  const command = fc.tuple(fc.constantFrom('get', 'SET', 'evalsha'), fc.array(argument, { maxLength: 6 }))
  fc.assert(
    fc.property(fc.array(command, { minLength: 1, maxLength: 6 }), commands => {
      const sink = sinkOf()
      const outgoing = createOutgoing()
      for (const [name, args] of commands) outgoing.add(name, args)
      outgoing.leave(sink)
      const expected = commands.map(([name, args]) => [Buffer.from(name), ...args.map(bytesOf)])
      expect(commandsIn(Buffer.concat(sink.pieces))).toEqual(expected)
      expect(sink.corked()).toBe(0)
    }),
    { numRuns: 300 },
  )
})

test('text leaves as one piece, and what has left does not leave again', () => {
  const commands: Command[] = [
    ['get', 'a'],
    ['set', 'ä', 'ö', 1],
  ]
  const sink = sinkOf()
  const outgoing = createOutgoing()
  for (const [name, ...args] of commands) outgoing.add(name, args)
  outgoing.leave(sink)
  expect(sink.pieces).toHaveLength(1)
  outgoing.leave(sink)
  expect(sink.pieces).toHaveLength(1)
  outgoing.add('get', ['b'])
  outgoing.leave(sink)
  expect(String(sink.pieces[1])).toBe('*2\r\n$3\r\nget\r\n$1\r\nb\r\n')
})
