import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

/** What a folder of the library may import: every form, or types alone. */
type Permit = 'all' | 'types'

interface Storey {
  readonly floor: number
  /** The folders it may import from, which lie on lower floors. */
  readonly may: Readonly<Record<string, Permit>>
  /** Its members, files or folders, are strangers to each other, except for these that all of them share. */
  readonly strangers?: { readonly shared: readonly string[] }
}

/** The architecture of the library: imports go only downwards. The entry `keyplan` is `index.ts`. */
const storeys: Readonly<Record<string, Storey>> = {
  base: { floor: 0, may: {} },
  plan: { floor: 1, may: { base: 'all' } },
  redis: { floor: 1, may: { base: 'all' } },
  guard: { floor: 1, may: { base: 'all' } },
  config: { floor: 1, may: { base: 'all' } },
  mechanisms: {
    floor: 2,
    may: { redis: 'all', guard: 'types', base: 'all' },
    strangers: { shared: ['wake', 'source', 'lease'] },
  },
  kinds: {
    floor: 3,
    may: { mechanisms: 'all', plan: 'all', redis: 'all', guard: 'all', base: 'all' },
    strangers: { shared: ['kind', 'notice'] },
  },
  client: {
    floor: 4,
    may: { kinds: 'all', mechanisms: 'all', guard: 'all', redis: 'all', config: 'all', plan: 'all', base: 'all' },
  },
  adapters: {
    floor: 5,
    may: { client: 'types', kinds: 'all', plan: 'all', base: 'all' },
    strangers: { shared: ['shelf', 'frame', 'http', 'hits', 'cookies', 'idempotency', 'followed'] },
  },
  // Inert: what it brings must open nothing, so the client and the wire are not for it.
  'index.ts': {
    floor: 5,
    may: { client: 'types', kinds: 'all', plan: 'all', guard: 'types', redis: 'types', base: 'all' },
  },
}

interface Import {
  readonly specifier: string
  readonly typesOnly: boolean
}

/** The relative imports and re-exports of a module, static and dynamic. */
function importsOf(source: string): Import[] {
  const statements = /^(?:import|export)\s+(type\s)?[^'"`;()]*?from\s*['"]([^'"]+)['"]/gm
  const bare = /^import\s*['"]([^'"]+)['"]/gm
  const dynamic = /^(?!\s*(?:\/\/|\*)).*?\bimport\(\s*['"]([^'"]+)['"]/gm
  return [
    ...Array.from(source.matchAll(statements), ([, type, specifier]) => ({
      specifier: specifier!,
      typesOnly: type !== undefined,
    })),
    ...Array.from([...source.matchAll(bare), ...source.matchAll(dynamic)], ([, specifier]) => ({
      specifier: specifier!,
      typesOnly: false,
    })),
  ].filter(({ specifier }) => specifier.startsWith('.'))
}

/** What is wrong with an import, by the table; undefined when nothing is. Paths are relative to the source folder. */
function objection(from: string, to: string, typesOnly: boolean): string | undefined {
  const [folder, member] = placeOf(from)
  const [target, targetMember] = placeOf(to)
  const storey = storeys[folder]
  if (storey === undefined) return `${folder} is on no floor: give it a row in the table`
  if (folder === target) {
    const { strangers } = storey
    if (strangers === undefined || member === targetMember || strangers.shared.includes(targetMember)) return undefined
    return `${folder}/${member} imports ${folder}/${targetMember} on the same floor`
  }
  const permit = storey.may[target]
  if (permit === undefined) return `${folder} may not import ${target}`
  if (permit === 'types' && !typesOnly) return `${folder} may import only types of ${target}`
  return undefined
}

/** The folder of a file and its member in there, `kinds` and `cache` for `kinds/cache/redis.ts`. */
function placeOf(file: string): [folder: string, member: string] {
  const [folder = '', member = ''] = file.split('/')
  return [folder, member.replace(/\.ts$/, '')]
}

const src = fileURLToPath(new URL('../../src', import.meta.url))
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts'))

describe('the floors of the library', () => {
  test('the table itself only looks downwards', () => {
    for (const [name, { floor, may }] of Object.entries(storeys)) {
      for (const target of Object.keys(may)) {
        expect(storeys[target]?.floor, `${name} looks at ${target}`).toBeLessThan(floor)
      }
    }
  })

  test('the library has modules to look at, and imports between its folders', () => {
    expect(files.length).toBeGreaterThan(10)
    const crossing = files.filter(file =>
      importsOf(readFileSync(join(src, file), 'utf8')).some(({ specifier }) => specifier.startsWith('../')),
    )
    expect(crossing.length).toBeGreaterThan(5)
  })

  test.each(files)('%s imports downwards', file => {
    const objections = importsOf(readFileSync(join(src, file), 'utf8')).flatMap(({ specifier, typesOnly }) => {
      const target = relative(src, join(src, dirname(file), specifier))
      return objection(file, target, typesOnly) ?? []
    })
    expect(objections).toEqual([])
  })

  test.each([
    ['base/clock.ts', 'plan/plan.ts', 'base may not import plan'],
    ['redis/link.ts', 'guard/guard.ts', 'redis may not import guard'],
    ['kinds/lock/handle.ts', 'kinds/cache/contract.ts', 'kinds/lock imports kinds/cache on the same floor'],
    [
      'mechanisms/lease/line.ts',
      'mechanisms/gather.ts',
      'mechanisms/lease imports mechanisms/gather on the same floor',
    ],
    ['mechanisms/lease/line.ts', 'guard/guarded.ts', 'mechanisms may import only types of guard'],
    ['index.ts', 'client/connect.ts', 'index.ts may import only types of client'],
    ['novelty/novelty.ts', 'base/clock.ts', 'novelty is on no floor: give it a row in the table'],
  ])('%s may not import %s', (from, to, expected) => {
    expect(objection(from, to, false)).toBe(expected)
  })

  test.each([
    ['kinds/lock/handle.ts', 'kinds/kind.ts', false],
    ['kinds/lock/handle.ts', 'kinds/lock/contract.ts', false],
    ['mechanisms/lease/line.ts', 'guard/guarded.ts', true],
    ['mechanisms/lease/line.ts', 'mechanisms/wake.ts', false],
  ])('%s may import %s', (from, to, typesOnly) => {
    expect(objection(from, to, typesOnly)).toBeUndefined()
  })

  test('every form of import is seen, and comments are not', () => {
    const source = [
      "import { a,\n  b } from './named.ts'",
      "import type { C } from './type.ts'",
      "import './bare.ts'",
      "export * from './again.ts'",
      "const late = await import('./late.ts')",
      "// import('./comment.ts')",
      " * import { x } from './docs.ts'",
      "import net from 'node:net'",
    ].join('\n')
    expect(importsOf(source)).toEqual([
      { specifier: './named.ts', typesOnly: false },
      { specifier: './type.ts', typesOnly: true },
      { specifier: './again.ts', typesOnly: false },
      { specifier: './bare.ts', typesOnly: false },
      { specifier: './late.ts', typesOnly: false },
    ])
  })
})
