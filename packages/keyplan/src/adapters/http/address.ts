import { isIPv4, isIPv6 } from 'node:net'

/** An IP address as eight groups of 16 bits, an IPv4 address as the IPv6 address it is mapped to. */
export type Address = readonly number[]

/** The addresses whose first bits are those of another one. */
export interface Range {
  readonly start: Address
  /** Of 128, also for IPv4. */
  readonly bits: number
}

const bitsOfGroup = 16
const bitsBeforeIPv4 = 96
const mapped = [0, 0, 0, 0, 0, 0xffff]

/** Undefined for what is no address. Takes a zone (`fe80::1%eth0`), and forgets it. */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return [...mapped, ...groupsOf(text)]
  if (!isIPv6(text)) return undefined
  const [bare = ''] = text.split('%', 1)
  const [front = '', back] = bare.split('::')
  const head = groupsOf(front)
  const tail = groupsOf(back ?? '')
  return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail]
}

function groupsOf(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap(group => {
    if (!group.includes('.')) return Number.parseInt(group, 16)
    const [a, b, c, d] = group.split('.').map(Number) as [number, number, number, number]
    return [a * 256 + b, c * 256 + d]
  })
}

export const isMappedIPv4 = (address: Address) => mapped.every((group, index) => address[index] === group)

/** One spelling for each address: that of RFC 5952; IPv4 with dots. */
export function addressText(address: Address): string {
  if (isMappedIPv4(address)) {
    return address
      .slice(6)
      .flatMap(group => [group >> 8, group & 0xff])
      .join('.')
  }
  const text = address.map(group => group.toString(16)).join(':')
  const [longest] = (text.match(/\b0(?::0)+\b/g) ?? []).sort((a, b) => b.length - a.length)
  if (longest === undefined) return text
  const at = text.search(new RegExp(`\\b${longest}\\b`))
  return `${text.slice(0, at).replace(/:$/, '')}::${text.slice(at + longest.length).replace(/^:/, '')}`
}

/** The first bits of an address; the others are 0. */
export function startOf(address: Address, bits: number): Address {
  return address.map((group, index) => {
    const kept = Math.min(bitsOfGroup, Math.max(0, bits - index * bitsOfGroup))
    return group & (0xffff << (bitsOfGroup - kept)) & 0xffff
  })
}

/** `10.0.0.0/8`, `2001:db8::/32`, or one address. Undefined for what is none of these. */
export function parseRange(text: string): Range | undefined {
  const [name = '', length, ...rest] = text.split('/')
  const address = parseAddress(name)
  if (!address || rest.length > 0) return undefined
  const before = isIPv4(name) ? bitsBeforeIPv4 : 0
  const bits = length === undefined ? 128 : /^\d{1,3}$/.test(length) ? Number(length) + before : Number.NaN
  if (!(bits <= 128)) return undefined
  return { start: startOf(address, bits), bits }
}

export function isWithin(address: Address, { start, bits }: Range): boolean {
  return startOf(address, bits).every((group, index) => group === start[index])
}
