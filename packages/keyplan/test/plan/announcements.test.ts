import { expect, test } from 'vitest'
import {
  channel,
  definePlan,
  document,
  feed,
  foreign,
  json,
  KeyplanError,
  registry,
  text,
  vector,
} from '../../src/index.ts'

const value = json<number>()
const live = (pattern: string, options: object = {}) => channel(pattern, { value, ...options })
const announcing = (announce: string, pattern = 'thoughts:<id>') => feed(pattern, { value, ttl: '1h', announce })

test.each([
  ['the same pattern', { thoughts: announcing('live'), live: live('thoughts:<id>') }],
  [
    'the same pattern, reliable',
    { thoughts: announcing('live'), live: live('thoughts:<id>', { reliable: { keep: 5 } }) },
  ],
  ['fewer parameters', { thoughts: announcing('live'), live: live('all-thoughts') }],
  [
    'the same tag, sharded',
    { thoughts: announcing('live', '{t:<id>}:thoughts'), live: live('{t:<id>}:live', { sharded: true }) },
  ],
])('a feed announces on a channel with %s', (_, namespaces) => {
  expect(definePlan('p', namespaces).namespaces).toEqual(namespaces)
})

test.each([
  [
    'liev',
    { live: live('thoughts:<id>') },
    "announce is 'liev', which is no namespace of the plan; did you mean live?",
  ],
  ['live', { live: foreign('x:<id>', { kind: 'other' }) }, 'announce names live, which is no channel'],
  [
    'live',
    {
      live: live('thoughts:<id>'),
      thoughts: feed('thoughts:<id>', { value, ttl: '1h', announce: 'live', hashed: ['id'] }),
    },
    "in whose names 'id' would be told",
  ],
  ['live', { live: live('live:<user>') }, "whose 'user' is no parameter of 'thoughts:<id>'"],
  ['live', { live: live('live:<id>', { sharded: true }) }, 'which is sharded and may lie in another slot of a cluster'],
  ['live', { live: live('live:<id>', { reliable: { keep: 1 } }) }, 'which is reliable and may lie in another slot'],
])('announce: %s with %o is refused', (announce, namespaces, problem) => {
  const define = () => definePlan('p', { thoughts: announcing(announce), ...namespaces })
  expect(define).toThrow(KeyplanError)
  expect(define).toThrow(problem)
})

test.each([
  [() => channel('c', { value: vector() }), 'messages are text'],
  [() => channel('c', { value, reliable: { keep: 0 } }), 'reliable.keep is 0'],
  [() => channel('c', { value, reliable: true as unknown as { keep: 1 } }), 'reliable is a boolean'],
  [() => channel('c', { value, buffer: { count: 0 } }), 'buffer.count is 0'],
  [() => channel('c', { value, buffer: { drop: 'all' as 'oldest' } }), "buffer.drop is 'all'"],
  [() => channel('c', { value, whenDown: 'load' as 'drop' }), "whenDown is 'load'"],
  [() => channel('c', { value, sharded: 1 as unknown as boolean }), 'sharded is 1'],
  [() => channel('c', undefined as never), 'the options are undefined'],
  [() => feed('f', { value, ttl: '1 hour' as '1h' }), "ttl is '1 hour'"],
  [() => feed('f', { value, ttl: '1h', keep: {} }), 'keep bounds nothing'],
  [() => feed('f', { value, ttl: '1h', keep: { bytes: '1 mb' as '1mb' } }), "keep.bytes is '1 mb'"],
  [() => feed('f', { value: vector(), ttl: '1h', announce: 'c' }), 'do not announce it'],
  [() => document('d:<id>', { value: text(), ttl: '1h', announce: 'c' }), 'text() does not write JSON'],
  [() => document('d:<id>', { value, ttl: '1h', announce: 'c' }), "announce is 'c', which is no namespace of the plan"],
])('%s is refused', (declare, problem) => {
  expect(() => definePlan('p', { one: declare() })).toThrow(problem)
})

const members = (announce: string, pattern = 'agents:<room>:<id>') => registry(pattern, { announce })

test.each([
  ['for all', { agents: members('live'), live: live('live') }],
  ['for each registry', { agents: members('live'), live: live('live:<room>') }],
  [
    'of the same tag, reliable',
    { agents: members('live', '{agents:<room>}:<id>'), live: live('{agents:<room>}:live', { reliable: { keep: 5 } }) },
  ],
])('a registry announces on a channel %s', (_, namespaces) => {
  expect(definePlan('p', namespaces).namespaces).toEqual(namespaces)
})

test.each([
  ['agents:<room>:<id>', live('live:<id>'), "whose 'id' names one member; leave it out"],
  ['agents:<id>', live('agents:<id>'), "whose 'id' names one member; leave it out"],
  ['agents:<id>', live('live', { reliable: { keep: 1 } }), "give both the same hash tag, without 'id'"],
  ['{agents}:<id>', live('{others}:live', { sharded: true }), "give both the same hash tag, without 'id'"],
])('a registry of %s does not announce on %o', (pattern, channelOf, problem) => {
  expect(() => definePlan('p', { agents: members('live', pattern), live: channelOf })).toThrow(problem)
})

test('a literal tag is warned of, unless it is that of the channel on which is announced', () => {
  const tagged = { live: live('{thoughts}:live'), others: live('{others}:live') }
  expect(definePlan('p', { thoughts: announcing('live', '{thoughts}:<id>'), ...tagged }).warnings).toEqual([
    expect.stringMatching(/^others: .*literal hash tag/),
  ])
  expect(definePlan('p', { thoughts: announcing('others', '{thoughts}:<id>'), ...tagged }).warnings).toHaveLength(3)
})
