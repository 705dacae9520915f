import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { extractFacets, facetLimit, plainLink } from '../src/records/facets.ts'
import { recordId } from '../src/records/record.ts'

const found = (content: string, stated: object = {}) =>
  extractFacets({ title: '', content, ...stated })
    .map(({ kind, value }) => `${kind}:${value}`)
    .sort()

describe('what is read from a text', () => {
  it.each([
    ['people by mention', 'Lunch with @Grace and @ada_l.', ['person:ada_l', 'person:grace']],
    ['addresses, which are no mentions', 'Write to Ada.L+x@Example.ORG!', ['address:ada.l+x@example.org']],
    ['tags, which are not numbers', '#Paris is #1, (#work-trip)', ['tag:paris', 'tag:work-trip']],
    ['links, whose fragments are no tags', 'See https://Example.org/a/#b.', ['link:example.org/a']],
    ['each once', '@ada @Ada @ADA', ['person:ada']],
    ['other scripts', '@Άδα #東京', ['person:άδα', 'tag:東京']],
    ['nothing', 'a # b @ c http:// me@home', []],
  ])('%s', (_, content, expected) => {
    expect(found(content)).toEqual(expected)
  })

  it('is joined by what is stated, spelt the same way', () => {
    expect(
      found('@grace #paris', {
        people: ['@Grace', ' Ada  Lovelace '],
        tags: ['#Paris'],
        addresses: ['ADA@x.org'],
        links: ['http://x.org/?b=2&utm_source=mail&a=1#top', 'javascript:alert(1)'],
      }),
    ).toEqual(['address:ada@x.org', 'link:x.org?a=1&b=2', 'person:ada lovelace', 'person:grace', 'tag:paris'])
  })

  it('is bounded', () => {
    const content = Array.from({ length: 500 }, (_, index) => `@user${index}`).join(' ')
    expect(found(content)).toHaveLength(facetLimit)
  })

  it('is the same for any text read twice, and never a value without content', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), content => {
        const facets = extractFacets({ title: content, content })
        expect(extractFacets({ title: content, content })).toEqual(facets)
        for (const { value } of facets) expect(value.trim()).not.toBe('')
      }),
    )
  })
})

describe('a link', () => {
  it.each([
    ['http://x.org', 'https://x.org/'],
    ['https://x.org/a?gclid=1', 'https://X.org/a/'],
    ['https://x.org/?b=1&a=2', 'https://x.org/?a=2&b=1'],
  ])('%s is the same page as %s', (one, other) => {
    expect(plainLink(one)).toBe(plainLink(other))
  })
})

describe('the id of a record', () => {
  const identity = { userId: 'u', platform: 'p', dataSourceId: 'd', externalId: 'e' }

  it('follows from the identity alone', () => {
    expect(recordId(identity)).toBe(recordId({ ...identity }))
    expect(recordId(identity)).toMatch(/^[0-9a-f]{32}$/)
  })

  it('differs wherever one part does, even where the parts joined are the same', () => {
    const part = fc.string({ maxLength: 4 })
    const identities = fc.record({ userId: part, platform: part, dataSourceId: part, externalId: part })
    fc.assert(
      fc.property(identities, identities, (one, other) => {
        const same = JSON.stringify(Object.values(one)) === JSON.stringify(Object.values(other))
        expect(recordId(one) === recordId(other)).toBe(same)
      }),
    )
    expect(recordId({ ...identity, userId: 'u,p', platform: '' })).not.toBe(recordId({ ...identity, userId: 'u' }))
  })
})
