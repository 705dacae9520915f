import { type Address, parseAddress } from './address.ts'

/** The header in which the proxies of an application name who asked them. */
export type ForwardedHeader = 'x-forwarded-for' | 'forwarded'

/** Who is named by each proxy, the last one first; undefined where it gives no address. */
export function forwardedFor(header: ForwardedHeader, value: string): (Address | undefined)[] {
  const names = header === 'forwarded' ? elementsOf(value, ',').map(nodeOf) : value.split(',')
  return names.map(name => parseAddress(withoutPort((name ?? '').trim()))).reverse()
}

/** The `for` of an element of `Forwarded` (RFC 7239, section 4): `for="[2001:db8::1]:4711";proto=https`. */
function nodeOf(element: string): string | undefined {
  for (const pair of elementsOf(element, ';')) {
    const at = pair.indexOf('=')
    if (pair.slice(0, at).trim().toLowerCase() === 'for') return unquoted(pair.slice(at + 1).trim())
  }
  return undefined
}

const unquoted = (text: string) => (text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text)

/**
 * Splits at what stands outside of quotes. Where a quote is left open there is nothing: a client that opens one takes what the
 * proxies have added behind it into its own element.
 */
function elementsOf(text: string, separator: string): string[] {
  const elements: string[] = []
  let start = 0
  let isQuoted = false
  for (let at = 0; at < text.length; at++) {
    if (isQuoted && text[at] === '\\') at++
    else if (text[at] === '"') isQuoted = !isQuoted
    else if (!isQuoted && text[at] === separator) {
      elements.push(text.slice(start, at))
      start = at + 1
    }
  }
  return isQuoted ? [] : [...elements, text.slice(start)]
}

/** `[2001:db8::1]:4711`, `192.0.2.1:4711`, or the address alone. */
function withoutPort(name: string): string {
  if (name.startsWith('[')) return name.slice(1, name.indexOf(']'))
  const [address = '', , ...rest] = name.split(':')
  return rest.length === 0 ? address : name
}
