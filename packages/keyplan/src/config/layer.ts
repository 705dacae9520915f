import { collect } from '../base/collect.ts'
import type { Setting } from './setting.ts'
import { type Path, table, type ValueAt } from './table/table.ts'
import { readValue, type Written } from './value.ts'

/** A setting that somebody made. */
export interface Found<T> {
  readonly value: T
  /** Who: `url` of the options, `REDIS_URL`, `keyplan.yaml: redis.url`. */
  readonly source: string
}

/** All that one of them says: the options, the environment, a file. */
export interface Layer {
  /** It is the options: what code says, it means. */
  readonly byCode?: boolean
  get<P extends Path>(path: P): Found<ValueAt<P>> | undefined
  /** The variables that are not set, of a setting that was written with them: `['${REDIS_PASSWORD}']`. */
  unset?(path: string): readonly string[]
}

/**
 * Reads a layer.
 *
 * @param write every way a setting is written there, the one that counts first. What is empty is unset
 * @param differ is told of each that says otherwise than the one that counts
 */
export function readLayer(
  wanted: (path: string) => boolean,
  write: (setting: Setting) => readonly Written[],
  problems: string[],
  differ: (counts: string, other: string) => void = () => {},
): Layer {
  const all = new Map<string, Found<unknown>>()
  for (const setting of table) {
    if (!wanted(setting.path)) continue
    for (const written of write(setting)) {
      if (written.byCode ? isLeftOut(setting, written.raw) : isUnset(written.raw)) continue
      const value = collect<unknown>(problems, () => readValue(setting, written), undefined)
      if (value === undefined) continue
      const counts = all.get(setting.path)
      if (counts === undefined) all.set(setting.path, { value, source: written.name })
      else if (!same(counts.value, value)) differ(counts.source, written.name)
    }
  }
  return layerOf(all)
}

/** The one place where a path and the type of its value are taken at the table's word. */
export function layerOf(all: ReadonlyMap<string, Found<unknown>>): Layer {
  return { get: <P extends Path>(path: P) => all.get(path) as Found<ValueAt<P>> | undefined }
}

/** The first layer that says it wins. */
export function over(...layers: readonly Layer[]): Layer {
  return {
    get(path) {
      for (const layer of layers) {
        const found = layer.get(path)
        if (found) return found
      }
      return undefined
    },
    unset: path => layers.flatMap(layer => layer.unset?.(path) ?? []),
  }
}

export function without(layer: Layer, paths: ReadonlySet<string>): Layer {
  return { ...layer, get: path => (paths.has(path) ? undefined : layer.get(path)) }
}

/** Code may pass on a URL or a password that was not set; elsewhere an empty text is a slip, or means empty. */
function isLeftOut({ kind }: Setting, raw: unknown): boolean {
  return raw === undefined || ((kind === 'url' || kind === 'secret') && raw !== null && isUnset(raw))
}

export function isUnset(raw: unknown): boolean {
  return raw === undefined || raw === null || (typeof raw === 'string' && raw.trim() === '')
}

/** Secrets are compared by what they give. */
export function same(one: unknown, other: unknown): boolean {
  if (typeof one === 'function' && typeof other === 'function') return one() === other()
  return JSON.stringify(one) === JSON.stringify(other)
}
