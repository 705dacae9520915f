import type { Facet } from './record.ts'

/** What the sender states outright; the rest is read from the text. */
export interface Stated {
  readonly title: string
  readonly content: string
  readonly people?: readonly string[] | undefined
  readonly addresses?: readonly string[] | undefined
  readonly links?: readonly string[] | undefined
  readonly tags?: readonly string[] | undefined
}

/** The most facets one record has; a text that mentions more is cut there. */
export const facetLimit = 200

// The lengths are bounded so that no text makes the search for a match slow.
const address = /[a-z0-9._%+-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8}/gi
const link = /https?:\/\/[^\s<>"'`{}|\\^]{1,500}/gi
const mention = /(?<![\p{L}\p{N}_@./])@([\p{L}\p{N}_][\p{L}\p{N}_-]{0,63})/gu
const hashtag = /(?<![\p{L}\p{N}_#/&])#([\p{L}_][\p{L}\p{N}_-]{0,63})/gu

/** One spelling for what people write in many: compatibility forms, case and spaces do not tell two values apart. */
const plain = (value: string) => value.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim().slice(0, 200)

const tracking = /^(utm_.*|fbclid|gclid|mc_[ce]id)$/

/** The page a link leads to: no fragment, no tracking parameters, no closing slash. Other than http it is nothing. */
export function plainLink(value: string): string | undefined {
  let url: URL
  try {
    url = new URL(value.replace(/[.,;:!?)\]]+$/, ''))
  } catch {
    return undefined
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return undefined
  for (const name of [...url.searchParams.keys()]) {
    if (tracking.test(name)) url.searchParams.delete(name)
  }
  url.searchParams.sort()
  return `${url.host}${url.pathname.replace(/\/+$/, '')}${url.search}`.slice(0, 500)
}

/** The people, addresses, links and tags of a record, each once. */
export function extractFacets(stated: Stated): Facet[] {
  const facets = new Map<string, Facet>()
  const add = (kind: Facet['kind'], value: string | undefined) => {
    if (value && facets.size < facetLimit) facets.set(`${kind}:${value}`, { kind, value })
  }
  const text = `${stated.title}\n${stated.content}`
  const prose = text.replace(link, found => {
    add('link', plainLink(found))
    return ' '
  })
  for (const person of stated.people ?? []) add('person', plain(person.replace(/^@/, '')))
  for (const value of stated.addresses ?? []) add('address', plain(value))
  for (const value of stated.links ?? []) add('link', plainLink(value))
  for (const tag of stated.tags ?? []) add('tag', plain(tag.replace(/^#/, '')))
  for (const [found] of prose.matchAll(address)) add('address', plain(found))
  for (const [, name] of prose.replace(address, ' ').matchAll(mention)) add('person', plain(name!))
  for (const [, name] of prose.matchAll(hashtag)) add('tag', plain(name!))
  return [...facets.values()]
}
