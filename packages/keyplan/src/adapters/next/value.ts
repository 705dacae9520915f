import type { Frame } from '../frame.ts'

/** What Next caches: fields of JSON, and among them bytes and maps of bytes. */
export type NextValue = object

/** A value of Next without its bytes, and where they belong. */
export interface NextShape {
  readonly plain: object
  /** The fields that are bytes, in the order of the bodies. */
  readonly bytes: readonly string[]
  /** The fields that are maps of bytes, with their keys; their bodies come next. */
  readonly maps: readonly (readonly [field: string, keys: readonly string[]])[]
}

export function takeApart(value: NextValue): Frame<NextShape> {
  const fields = Object.entries(value)
  const bytes = fields.filter((field): field is [string, Uint8Array] => field[1] instanceof Uint8Array)
  const maps = fields.filter((field): field is [string, Map<string, Uint8Array>] => field[1] instanceof Map)
  const plain = fields.filter(([, field]) => !(field instanceof Uint8Array || field instanceof Map))
  return {
    head: {
      plain: Object.fromEntries(plain),
      bytes: bytes.map(([name]) => name),
      maps: maps.map(([name, map]) => [name, [...map.keys()]]),
    },
    bodies: [...bytes.map(([, body]) => body), ...maps.flatMap(([, map]) => [...map.values()])],
  }
}

export function putTogether({ head: { plain, bytes, maps }, bodies }: Frame<NextShape>): NextValue {
  const rest = bodies.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength))
  const take = () => rest.shift()!
  return {
    ...plain,
    ...Object.fromEntries(bytes.map(name => [name, take()])),
    ...Object.fromEntries(maps.map(([name, keys]) => [name, new Map(keys.map(key => [key, take()]))])),
  }
}
