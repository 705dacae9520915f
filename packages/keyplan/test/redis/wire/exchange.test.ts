import { expect, test } from 'vitest'
import { createExchange } from '../../../src/redis/wire/exchange.ts'

function exchangeOf() {
  const seen: unknown[] = []
  const exchange = createExchange({
    settled: () => {},
    message: (...news) => void seen.push(news),
    moved: () => void seen.push('moved'),
    unasked: reply => void seen.push(['unasked', reply]),
  })
  const expectFrom = (command: string, args: number, name = command) =>
    exchange.expect(command, args, {
      encoding: 'text',
      resolve: reply => void seen.push([name, reply]),
      reject: error => void seen.push([name, error.code]),
    })
  const hear = (...lines: string[]) => exchange.hear(Buffer.from(lines.map(line => `${line}\r\n`).join('')))
  const news = (...words: string[]) => hear(`*${words.length}`, ...words.flatMap(word => [`$${word.length}`, word]))
  return { exchange, seen, expectFrom, hear, news }
}

test('replies are for those who asked, in their order, thousands of them', () => {
  const { exchange, seen, expectFrom, hear } = exchangeOf()
  for (let i = 0; i < 5_000; i++) expectFrom('get', 1, String(i))
  for (let i = 0; i < 5_000; i++) hear(`:${i}`)
  expect(seen).toEqual(Array.from({ length: 5_000 }, (_, i) => [String(i), i]))
  expect(exchange.isIdle).toBe(true)
  expect(exchange.drain()).toEqual([])
})

test('those without an answer are the ones that are left', () => {
  const { exchange, seen, expectFrom, hear } = exchangeOf()
  for (let i = 0; i < 10; i++) expectFrom('get', 1, String(i))
  hear('+OK', '-WRONGTYPE not this', '+OK')
  expect(seen.slice(0, 3)).toEqual([
    ['0', 'OK'],
    ['1', 'WRONG_TYPE'],
    ['2', 'OK'],
  ])
  expect(exchange.drain()).toHaveLength(7)
})

test('what looks like a message is a reply where nothing was subscribed to', () => {
  const { seen, expectFrom, news } = exchangeOf()
  expectFrom('lrange', 3)
  news('message', 'a', 'b')
  expect(seen).toEqual([['lrange', ['message', 'a', 'b']]])
})

test('messages come between replies, and a subscription has an answer for each of its channels', () => {
  const { seen, expectFrom, news, hear } = exchangeOf()
  expectFrom('subscribe', 2)
  expectFrom('ping', 0)
  news('subscribe', 'a', '1')
  news('message', 'a', 'early')
  expect(seen).toEqual([['exact', 'a', 'early', 'a']])
  news('subscribe', 'b', '2')
  news('pmessage', 'c*', 'cat', 'text')
  news('smessage', 's', 'text')
  news('pong', '')
  hear('*3', '$7', 'message', '$1', 'a', '$-1')
  expect(seen.slice(1)).toEqual([
    ['subscribe', ['subscribe', 'b', '2']],
    ['pattern', 'c*', 'text', 'cat'],
    ['sharded', 's', 'text', 's'],
    ['ping', ['pong', '']],
    ['exact', 'a', null, 'a'],
  ])
})

test('the end of a sharded subscription that nobody asked for says that its slot has moved', () => {
  const { seen, expectFrom, news, hear } = exchangeOf()
  expectFrom('ssubscribe', 1)
  news('ssubscribe', 's', '1')
  expectFrom('ping', 0)
  news('sunsubscribe', 's', '0')
  news('pong', '')
  expectFrom('sunsubscribe', 1)
  news('sunsubscribe', 's', '0')
  expectFrom('ssubscribe', 1)
  hear('-MOVED 1 127.0.0.1:7001')
  expect(seen.slice(1)).toEqual([
    'moved',
    ['ping', ['pong', '']],
    ['sunsubscribe', ['sunsubscribe', 's', '0']],
    'moved',
    ['ssubscribe', 'REDIRECTED'],
  ])
})

test('what nobody asked for is told', () => {
  const { seen, hear } = exchangeOf()
  hear('+hello')
  expect(seen).toEqual([['unasked', 'hello']])
})
