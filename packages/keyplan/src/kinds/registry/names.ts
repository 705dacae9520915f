import { helperKey } from '../../plan/pattern/helper-key.ts'
import type { ParamValues, Pattern } from '../../plan/pattern/pattern.ts'
import type { RegistrySettings } from './settings.ts'

/** What lies of one registry, all in one slot. */
export interface RegistryKeys {
  /** By when each member's lease ends. */
  readonly leases: string
  /** What is written of each. */
  readonly members: string
  /** The token of each. */
  readonly owners: string
  /** `<term> NUL <id>`, in the order of bytes. */
  readonly index: string
  /** `<term> NUL <load> NUL <id>`, likewise. */
  readonly loads: string
  /** Who was picked last, by what was asked for. */
  readonly turns: string
  /** When anybody was heard last, and who is not taken off the list yet. */
  readonly clock: string
  readonly log: string
}

export interface RegistryNames {
  /** There is one registry: its pattern has no parameter but the one that names a member. */
  readonly isOne: boolean
  /** What the keys of a registry are named after: the pattern, with its last parameter left as it is declared. */
  main(params: ParamValues): string
  keys(main: string): RegistryKeys
  /** Where a member is mirrored. */
  mirror(params: ParamValues): string
}

/** How the empty value is written; no literal text and no other value holds it. */
const blank = '%-'

export function registryNames(
  { format, tagged, params: { length } }: Pick<Pattern, 'format' | 'tagged' | 'params'>,
  { param }: Pick<RegistrySettings, 'param'>,
): RegistryNames {
  return {
    isOne: length === 1,
    main(params) {
      const text = format({ ...params, [param]: '' })
      const at = text.lastIndexOf(blank)
      return `${text.slice(0, at)}<${param}>${text.slice(at + blank.length)}`
    },
    keys(main) {
      const key = (suffix: string) => helperKey(main, tagged, suffix)
      return {
        leases: key('leases'),
        members: key('members'),
        owners: key('owners'),
        index: key('index'),
        loads: key('loads'),
        turns: key('turns'),
        clock: key('clock'),
        log: key('events'),
      }
    },
    mirror: format,
  }
}
