import { KeyplanError, shown } from '../../base/error.ts'
import { type Address, addressText, isMappedIPv4, parseAddress, startOf } from './address.ts'
import { type ForwardedHeader, forwardedFor } from './forwarded.ts'
import { type ProxyTrust, trustsOf } from './proxy-trust.ts'

/** A request as far as its sender goes, in any framework. */
export interface Sender {
  /** Of the connection; undefined on a Unix socket, and where nobody had asked for it before the connection ended. */
  readonly remoteAddress: string | undefined
  /** The connection has ended. */
  readonly gone?: boolean
  /** The values of a header, joined by commas. */
  header(name: string): string | undefined
}

export interface AddressOptions {
  /** Which proxies are believed when they say who asked them. Default: none, the client is who is connected. */
  trustProxy?: ProxyTrust | undefined
  /** Where they say it. The other header is not read: a client may have written it. Default: `x-forwarded-for`. */
  forwardedHeader?: ForwardedHeader | undefined
  /** Clients are told apart by the first so many bits of an IPv6 address, 32 to 128. Default: 56. */
  ipv6Subnet?: number | undefined
}

export interface ClientAddress {
  readonly address: Address | undefined
  /**
   * What tells the client apart: an IPv4 address (a mapped one as well), a network of IPv6 (`2001:db8::/56`), or `unknown`
   * on a Unix socket.
   */
  readonly name: string
}

/**
 * Finds who sent a request: from the connection on, for as long as whoever is found is a proxy that is believed, to whom
 * it names. So nothing that a client writes into the header is ever read, save by a proxy that hands it on as its own.
 *
 * @throws KeyplanError PARAM_INVALID
 */
export function createClientAddress(options: AddressOptions): (sender: Sender) => ClientAddress {
  const { trustProxy = 0, forwardedHeader = 'x-forwarded-for', ipv6Subnet = 56 } = options
  const trusts = trustsOf(trustProxy)
  if (forwardedHeader !== 'x-forwarded-for' && forwardedHeader !== 'forwarded') {
    const message = `forwardedHeader is ${shown(forwardedHeader)}; use 'x-forwarded-for' or 'forwarded'`
    throw new KeyplanError('PARAM_INVALID', message)
  }
  if (!Number.isInteger(ipv6Subnet) || ipv6Subnet < 32 || ipv6Subnet > 128) {
    const message = `ipv6Subnet is ${shown(ipv6Subnet)}; it must be a whole number from 32 to 128`
    throw new KeyplanError('PARAM_INVALID', message)
  }

  function nameOf(address: Address | undefined): string {
    if (!address) return 'unknown'
    if (isMappedIPv4(address) || ipv6Subnet === 128) return addressText(address)
    return `${addressText(startOf(address, ipv6Subnet))}/${ipv6Subnet}`
  }

  return ({ remoteAddress, gone, header }) => {
    let address = remoteAddress === undefined ? undefined : parseAddress(remoteAddress)
    // Who has gone need not have been a Unix socket: what is trusted by its address is not trusted without one.
    const isHidden = gone === true && remoteAddress === undefined && typeof trustProxy !== 'number'
    if (!isHidden && trusts(address, 0)) {
      const value = header(forwardedHeader)
      for (const [hop, named] of (value ? forwardedFor(forwardedHeader, value) : []).entries()) {
        // `unknown`, or a name that hides the address: nobody behind it can be known.
        if (!named) break
        address = named
        if (!trusts(address, hop + 1)) break
      }
    }
    return { address, name: nameOf(address) }
  }
}
