import { describe, expect, test } from 'vitest'
import { addressOf, parseRedisUrl } from '../../src/config/url.ts'
import { endpointName } from '../../src/redis/settings.ts'

describe('a URL is read as', () => {
  test.each([
    ['redis://', { host: '127.0.0.1', port: 6379 }],
    ['redis://here', { host: 'here', port: 6379 }],
    ['redis://here:6380/2', { host: 'here', port: 6380, database: 2 }],
    ['redis://here:6380?db=3', { host: 'here', port: 6380, database: 3 }],
    ['redis://here/?family=4', { host: 'here', port: 6379 }],
    ['  redis://here\n', { host: 'here', port: 6379 }],
    ['redis://[::1]:6380', { host: '::1', port: 6380 }],
    ['redis://:pw@[fe80::1]/1', { host: 'fe80::1', port: 6379, password: 'pw', database: 1 }],
    ['redis://user@here', { host: 'here', port: 6379, username: 'user' }],
    ['redis://user:pw@here', { host: 'here', port: 6379, username: 'user', password: 'pw' }],
    ['redis://user:p%40w%2Fx@here', { host: 'here', port: 6379, username: 'user', password: 'p@w/x' }],
    ['redis://:p@:/#%?é@here:1', { host: 'here', port: 1, password: 'p@:/#%?é' }],
    ['redis://:a:b:c@here', { host: 'here', port: 6379, password: 'a:b:c' }],
    ['unix:///run/redis.sock', { path: '/run/redis.sock' }],
    [
      'unix://user:p@w@/run/redis.sock?db=4',
      { path: '/run/redis.sock', username: 'user', password: 'p@w', database: 4 },
    ],
  ])('%s', (url, parts) => {
    expect(parseRedisUrl(url)).toEqual({ tls: false, ...parts })
  })

  test('Sentinels, with the name of the master', () => {
    const addresses = [
      { host: 'sentinel1', port: 26379 },
      { host: '::1', port: 7000 },
      { host: 'sentinel3', port: 26379 },
    ]
    expect(
      parseRedisUrl('rediss://user:p@:/#%?é@sentinel1,[::1]:7000,sentinel3:26379/2?sentinelMasterId=main'),
    ).toEqual({
      tls: true,
      ...addresses[0],
      username: 'user',
      password: 'p@:/#%?é',
      database: 2,
      sentinels: { master: 'main', addresses },
    })
    expect(parseRedisUrl('redis://only?sentinelMasterId=main').sentinels?.addresses).toEqual([
      { host: 'only', port: 26379 },
    ])
  })

  test('rediss, with TLS', () => {
    expect(parseRedisUrl('rediss://here')).toEqual({ tls: true, host: 'here', port: 6379 })
  })
})

test('a server is named without its credentials', () => {
  const named = (url: string) => {
    return endpointName(addressOf(parseRedisUrl(url)))
  }
  expect(named('redis://user:pw@here:1/2')).toBe('here:1')
  expect(named('redis://user:pw@[::1]:1')).toBe('[::1]:1')
  expect(named('unix://user:pw@/run/redis.sock')).toBe('/run/redis.sock')
})
