import { KeyplanError, kindOf } from '../../base/error.ts'

/**
 * Whom a limit does not concern, or always does: values by parameter, of which one must agree, or a function. A function
 * must be quick and give true or false at once.
 */
export type Guests<Param extends string = string> =
  | { readonly [Name in Param]?: readonly (string | number)[] }
  | ((params: Readonly<Record<Param, string | number>>) => boolean)

export function guestProblems(guests: unknown, name: string): string[] {
  if (guests === undefined || typeof guests === 'function') return []
  const hint = `write a function, or lists of values such as { ip: ['127.0.0.1'] }`
  if (typeof guests !== 'object' || guests === null || Array.isArray(guests)) {
    return [`${name} is ${kindOf(guests)}; ${hint}`]
  }
  const wrong = Object.entries(guests).filter(([, values]) => !Array.isArray(values))
  return wrong.map(([param, values]) => `${name}.${param} is ${kindOf(values)}; ${hint}`)
}

/** Whether the parameters are those of a guest. */
export type IsGuest = (params: Readonly<Record<string, string | number>>) => boolean

/** Lists are read once, here; a function is asked each time, and may look at what changes. */
export function guestList(guests: Guests | undefined, name: string): IsGuest | undefined {
  if (guests === undefined) return undefined
  if (typeof guests === 'function') return params => answered(guests(params), name)
  const lists = Object.entries(guests).map(([param, values]) => [param, new Set((values ?? []).map(String))] as const)
  return params => lists.some(([param, values]) => values.has(String(params[param])))
}

function answered(said: unknown, name: string): boolean {
  if (typeof said === 'boolean') return said
  throw new KeyplanError('VALUE_INVALID', `${name} gave ${kindOf(said)}; it must give true or false, not a promise`)
}
