import { KeyplanError, kindOf, shown } from '../../base/error.ts'
import { type Address, addressText, isWithin, parseRange } from './address.ts'

/**
 * Which proxies are believed when they say who asked them.
 *
 * - a number: so many stand in front of the application, each of which adds itself to the header
 * - a list: addresses and networks (`10.0.0.0/8`); `unix` for a Unix socket
 * - a function: is asked for each proxy, `hop` 0 being the one that is connected; its address is undefined on a Unix socket
 */
export type ProxyTrust = number | readonly string[] | ((address: string | undefined, hop: number) => boolean)

/** Whether a proxy is believed. Without an address it is connected by a Unix socket. */
export type Trusts = (address: Address | undefined, hop: number) => boolean

const mostHops = 32

/** @throws KeyplanError PARAM_INVALID */
export function trustsOf(trust: ProxyTrust): Trusts {
  if (typeof trust === 'function') return (address, hop) => trust(address && addressText(address), hop)
  if (typeof trust === 'number' && Number.isInteger(trust) && trust >= 0 && trust <= mostHops) {
    return (_, hop) => hop < trust
  }
  if (Array.isArray(trust)) {
    const names: readonly string[] = trust
    const ranges = rangesOf(
      names.filter(name => name !== 'unix'),
      'trustProxy',
    )
    const trustsSocket = names.includes('unix')
    return address => (address ? ranges.some(range => isWithin(address, range)) : trustsSocket)
  }
  const given = typeof trust === 'number' ? shown(trust) : kindOf(trust)
  const message = `trustProxy is ${given}; write how many proxies there are (0 to ${mostHops}), a list of their networks, or a function`
  throw new KeyplanError('PARAM_INVALID', message)
}

/** @throws KeyplanError PARAM_INVALID */
export function rangesOf(list: readonly string[], option: string) {
  if (!Array.isArray(list)) {
    throw new KeyplanError('PARAM_INVALID', `${option} is ${kindOf(list)}; write a list of addresses and networks`)
  }
  return list.map((text: unknown) => {
    const range = typeof text === 'string' ? parseRange(text) : undefined
    if (range) return range
    const message = `${option} holds ${shown(text)}; write addresses and networks, such as 10.0.0.0/8 or 2001:db8::/32`
    throw new KeyplanError('PARAM_INVALID', message)
  })
}
