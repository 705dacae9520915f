import { likely } from '../base/likely.ts'
import { type Layer, readLayer } from './layer.ts'
import type { Setting } from './setting.ts'
import { table } from './table/table.ts'

/** Variables by name, and where each that is not the process' own comes from. */
export interface Variables {
  readonly values: Readonly<Record<string, string | undefined>>
  readonly origins?: ReadonlyMap<string, string>
}

/** What the environment says, by the table's names. */
export function environmentLayer(
  { values, origins }: Variables,
  wanted: (path: string) => boolean,
  problems: string[],
  warnings: string[],
): Layer {
  const name = (variable: string) => {
    const origin = origins?.get(variable)
    return origin ? `${variable} (${origin})` : variable
  }
  warnings.push(...misspelt(values))
  return readLayer(
    wanted,
    ({ env = {} }) =>
      Object.entries(env).map(([variable, { unit }]) => ({
        raw: isServiceLink(variable, values[variable]) ? undefined : values[variable],
        name: name(variable),
        byCode: false,
        unit,
      })),
    problems,
    (counts, other) => warnings.push(`${counts} and ${other} disagree: ${counts} counts`),
  )
}

/** Kubernetes and Docker set this for any service that is called redis. */
function isServiceLink(variable: string, value: string | undefined): boolean {
  return variable === 'REDIS_PORT' && value !== undefined && /^tcp:\/\//.test(value)
}

export function variableNames(): string[] {
  return (table as readonly Setting[]).flatMap(({ env = {} }) => Object.keys(env))
}

/** Variables that look like ours and are not. A number at the end makes it another one on purpose: `REDIS_DB2`. */
function misspelt(values: Variables['values']): string[] {
  const known = variableNames()
  return Object.keys(values)
    .filter(variable => variable.startsWith('REDIS_') && !/\d$/.test(variable) && !known.includes(variable))
    .flatMap(variable => {
      const meant = likely(variable, known)
      return meant ? [`${variable} is no variable of Keyplan's; did you mean ${meant}?`] : []
    })
}
