import { kindOf } from './error.ts'
import { likely } from './likely.ts'

/**
 * What is wrong with a group of options before its values are looked at: that it is none, or holds a name that is not
 * known, with the one that was probably meant, or all there are.
 *
 * @param name of the group, e.g. `retry`; empty for the options themselves
 */
export function groupProblems(group: unknown, name: string, known: readonly string[]): string[] {
  if (typeof group !== 'object' || group === null || Array.isArray(group)) {
    const subject = name === '' ? 'the options are' : `${name} is`
    return [`${subject} ${kindOf(group)}; write an object with ${known.join(', ')}`]
  }
  const path = name === '' ? '' : `${name}.`
  return Object.keys(group)
    .filter(option => !known.includes(option))
    .map(option => {
      const meant = likely(option, known)
      const remedy = meant ? `did you mean ${path}${meant}?` : `there are ${known.join(', ')}`
      return `${path}${option} is not an option; ${remedy}`
    })
}
