import type { Socket } from 'node:net'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addressText, parseAddress } from '../../../src/adapters/http/address.ts'
import { type AddressOptions, createClientAddress } from '../../../src/adapters/http/client-address.ts'
import { senderOf } from '../../../src/adapters/http/node.ts'

const one = ['10.0.0.0/8']

function clientOf(options: AddressOptions, remoteAddress: string | undefined, headers: Record<string, string> = {}) {
  return createClientAddress(options)({ remoteAddress, header: name => headers[name] }).name
}

const forwarded = (value: string) => ({ 'x-forwarded-for': value })

describe('addresses', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['10:0:0:a0:0:0:0:100', '10:0:0:a0::100'],
    ['fe80::1%eth0', 'fe80::1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ])('%s has one spelling', (text, spelling) => {
    expect(addressText(parseAddress(text)!)).toBe(spelling)
  })

  test('what is written is read as the same', () => {
    const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }))
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), address => {
        expect(parseAddress(addressText(address))).toEqual(address)
      }),
    )
  })

  test.each(['', 'unknown', '192.0.2', '192.0.2.01', '1::2::3', 'localhost', '[::1]', '1.2.3.4:80'])(
    '%j is none',
    text => {
      expect(parseAddress(text)).toBeUndefined()
    },
  )
})

describe('the client', () => {
  test('is who is connected, whatever a header says', () => {
    const said = { ...forwarded('198.51.100.7'), forwarded: 'for=198.51.100.7' }
    expect(clientOf({}, '192.0.2.1', said)).toBe('192.0.2.1')
    expect(clientOf({}, '::ffff:192.0.2.1', said)).toBe('192.0.2.1')
    expect(clientOf({}, undefined, said)).toBe('unknown')
  })

  test('of IPv6 is told apart by its network', () => {
    expect(clientOf({}, '2001:db8:1:22ff::1')).toBe('2001:db8:1:2200::/56')
    expect(clientOf({}, '2001:db8:1:2200:ffff::')).toBe('2001:db8:1:2200::/56')
    expect(clientOf({ ipv6Subnet: 64 }, '2001:db8:1:22ff::1')).toBe('2001:db8:1:22ff::/64')
    expect(clientOf({ ipv6Subnet: 128 }, '2001:DB8::1')).toBe('2001:db8::1')
    expect(clientOf({ ipv6Subnet: 60 }, '2001:db8:1:22ff::1')).toBe('2001:db8:1:22f0::/60')
  })

  test('behind so many proxies is named by the outermost of them, and what it forged is not read', () => {
    const forged = forwarded('1.1.1.1, 192.0.2.1, 10.0.0.2')
    expect(clientOf({ trustProxy: 0 }, '10.0.0.1', forged)).toBe('10.0.0.1')
    expect(clientOf({ trustProxy: 1 }, '10.0.0.1', forged)).toBe('10.0.0.2')
    expect(clientOf({ trustProxy: 2 }, '10.0.0.1', forged)).toBe('192.0.2.1')
    expect(clientOf({ trustProxy: 1 }, undefined, forwarded('192.0.2.1'))).toBe('192.0.2.1')
    expect(clientOf({ trustProxy: 9 }, '10.0.0.1', forwarded('192.0.2.1'))).toBe('192.0.2.1')
  })

  test('that has gone before it was asked for is not taken for a proxy on a Unix socket', () => {
    const nameOf = (trustProxy: AddressOptions['trustProxy'], destroyed: boolean) => {
      const socket = { remoteAddress: undefined, destroyed } as unknown as Socket
      return createClientAddress({ trustProxy })(senderOf({ socket, headers: forwarded('192.0.2.1') })).name
    }
    expect([nameOf(['unix'], false), nameOf(['unix'], true)]).toEqual(['192.0.2.1', 'unknown'])
    expect([nameOf(1, false), nameOf(1, true)]).toEqual(['192.0.2.1', '192.0.2.1'])
  })

  test('does not choose its name by what it writes before the element of its proxy', () => {
    const written = fc.array(fc.constantFrom('for=9.9.9.9', '"', '\\', ';', ',', '=', 'x', ' '), { maxLength: 12 })
    const added = fc.constantFrom('for=192.0.2.1', 'for="192.0.2.1:80"', 'for=192.0.2.1;proto=https')
    const forge = (text: string, element: string) =>
      clientOf({ trustProxy: 1, forwardedHeader: 'forwarded' }, '10.0.0.1', { forwarded: `${text}, ${element}` })
    expect(forge('for=9.9.9.9;x="', 'for=192.0.2.1')).toBe('10.0.0.1')
    expect(forge('for=9.9.9.9;x="y"', 'for=192.0.2.1')).toBe('192.0.2.1')
    fc.assert(
      fc.property(written, added, (parts, element) => {
        expect(['192.0.2.1', '10.0.0.1']).toContain(forge(parts.join(''), element))
      }),
    )
  })

  test('behind networks of proxies is the first address from the right that is in none of them', () => {
    const forged = forwarded('1.1.1.1, 192.0.2.1, 10.0.0.2')
    expect(clientOf({ trustProxy: one }, '10.0.0.1', forged)).toBe('192.0.2.1')
    expect(clientOf({ trustProxy: one }, '::ffff:10.0.0.1', forged)).toBe('192.0.2.1')
    expect(clientOf({ trustProxy: one }, '11.0.0.1', forged)).toBe('11.0.0.1')
    expect(clientOf({ trustProxy: ['10.0.0.1'] }, '10.0.0.1', forged)).toBe('10.0.0.2')
    expect(clientOf({ trustProxy: ['unix', '10.0.0.2'] }, undefined, forged)).toBe('192.0.2.1')
    expect(clientOf({ trustProxy: one }, undefined, forged)).toBe('unknown')
    expect(clientOf({ trustProxy: ['::/0'] }, '2001:db8::1', forwarded('192.0.2.1'))).toBe('192.0.2.1')
    expect(clientOf({ trustProxy: ['0.0.0.0/0'] }, '2001:db8::1', forwarded('192.0.2.1'))).toBe('2001:db8::/56')
  })

  test('is found by a function that is asked of each proxy', () => {
    const asked: unknown[] = []
    const trustProxy = (address: string | undefined, hop: number) => asked.push([address, hop]) < 3
    expect(clientOf({ trustProxy }, '10.0.0.1', forwarded('1.1.1.1, 192.0.2.1, 10.0.0.2'))).toBe('192.0.2.1')
    expect(asked).toEqual([
      ['10.0.0.1', 0],
      ['10.0.0.2', 1],
      ['192.0.2.1', 2],
    ])
  })

  test.each([
    ['192.0.2.1:4711', '192.0.2.1'],
    ['[2001:db8::1]:4711', '2001:db8::/56'],
    ['[2001:db8::1]', '2001:db8::/56'],
    [' 192.0.2.1 ', '192.0.2.1'],
    ['unknown', '10.0.0.1'],
    ['192.0.2.1, _hidden', '10.0.0.1'],
    ['192.0.2.1,', '10.0.0.1'],
    ['[', '10.0.0.1'],
    ['', '10.0.0.1'],
  ])('X-Forwarded-For: %j', (value, client) => {
    expect(clientOf({ trustProxy: one }, '10.0.0.1', forwarded(value))).toBe(client)
  })

  test.each([
    ['for=192.0.2.1', '192.0.2.1'],
    ['proto=https;For="[2001:db8::1]:4711";by=10.0.0.1', '2001:db8::/56'],
    ['for=1.1.1.1, for=192.0.2.1;proto="a,b;for=2.2.2.2", for=10.0.0.2', '192.0.2.1'],
    ['for="192.\\0.2.1"', '192.0.2.1'],
    ['for=192.0.2.1, for="un', '10.0.0.1'],
    ['for=unknown', '10.0.0.1'],
    ['by=192.0.2.1', '10.0.0.1'],
    [`for="${'\\"'.repeat(8_000)}`, '10.0.0.1'],
  ])('Forwarded: %j', (value, client) => {
    const headers = { forwarded: value, ...forwarded('3.3.3.3') }
    expect(clientOf({ trustProxy: one, forwardedHeader: 'forwarded' }, '10.0.0.1', headers)).toBe(client)
  })

  test('no text in the header is more than a name', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[\d.:[\]",;=for ]*$/))
    fc.assert(
      fc.property(text, fc.constantFrom('x-forwarded-for' as const, 'forwarded' as const), (value, forwardedHeader) => {
        const name = clientOf({ trustProxy: 3, forwardedHeader }, '10.0.0.1', { [forwardedHeader]: value })
        expect(parseAddress(name.replace('/56', ''))).toBeDefined()
      }),
    )
  })

  test.each([
    [{ trustProxy: true }, 'trustProxy is a boolean; write how many proxies there are'],
    [{ trustProxy: 1.5 }, 'trustProxy is 1.5'],
    [{ trustProxy: ['10.0.0.0/33'] }, "trustProxy holds '10.0.0.0/33'"],
    [{ trustProxy: ['loopback'] }, "trustProxy holds 'loopback'"],
    [{ trustProxy: [5] }, 'trustProxy holds 5'],
    [{ ipv6Subnet: 24 }, 'ipv6Subnet is 24; it must be a whole number from 32 to 128'],
    [{ forwardedHeader: 'x-real-ip' }, "forwardedHeader is 'x-real-ip'"],
  ])('refuses %j', (options, message) => {
    const open = () => createClientAddress(options as AddressOptions)
    expect(open).toThrow(expect.objectContaining({ code: 'PARAM_INVALID' }))
    expect(open).toThrow(message)
  })
})
