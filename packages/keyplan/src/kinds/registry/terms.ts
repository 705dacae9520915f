import { KeyplanError, kindOf, shown } from '../../base/error.ts'
import { groupProblems } from '../../base/option-group.ts'
import { isWellFormed } from '../../base/unicode.ts'
import type { MemberQuery } from './contract.ts'
import type { RegistrySettings } from './settings.ts'
import { everybody } from './store.ts'

const mostCapabilities = 64
const longestText = 200

const refusal = (message: string) => new KeyplanError('PARAM_INVALID', message)

/** Terms are joined by commas and end with NUL, which this leaves none of. */
const capabilityTerm = (capability: string) => `can:${encodeURIComponent(capability)}`
const fieldTerm = (field: string, value: string | number | boolean) => `${field}=${encodeURIComponent(String(value))}`

/**
 * What members are found by: capabilities, and fields that are made of their metadata.
 *
 * @throws KeyplanError PARAM_INVALID
 */
export function termsOf(capabilities: readonly string[], fields: Iterable<[string, unknown]>): string[] {
  const terms = [everybody, ...capabilities.map(capabilityTerm)]
  for (const [field, value] of fields) if (value !== undefined) terms.push(fieldTerm(field, checkField(field, value)))
  return terms
}

/** The fields of the index and what the metadata gives for them. */
export const fieldsOf = (index: RegistrySettings['index'], metadata: unknown): [string, unknown][] =>
  Object.entries(index).map(([field, read]) => [field, read(metadata)])

/** @throws KeyplanError PARAM_INVALID */
export function checkCapabilities(given: unknown): readonly string[] {
  if (!Array.isArray(given)) throw refusal(`capabilities are ${kindOf(given)}; give a list of texts`)
  const capabilities = [...new Set(given.map(checkCapability))]
  if (capabilities.length <= mostCapabilities) return capabilities
  throw refusal(`there are ${capabilities.length} capabilities; give up to ${mostCapabilities}`)
}

function checkCapability(given: unknown): string {
  if (typeof given === 'string' && given !== '' && given.length <= longestText && isWellFormed(given)) return given
  throw refusal(`a capability is ${kindOf(given)}; give a text of 1 to ${longestText} characters`)
}

function checkField(field: string, given: unknown): string | number | boolean {
  if (typeof given === 'boolean' || (typeof given === 'number' && Number.isFinite(given))) return given
  if (typeof given === 'string' && given.length <= longestText && isWellFormed(given)) return given
  throw refusal(`the field ${field} is ${kindOf(given)}; give a text of up to ${longestText} characters or a number`)
}

/**
 * The terms of a query.
 *
 * @throws KeyplanError PARAM_INVALID
 */
export function queryTerms(query: MemberQuery | undefined, index: RegistrySettings['index']): string[] {
  if (query === undefined) return [everybody]
  if (typeof query === 'string') return [capabilityTerm(checkCapability(query))]
  const [problem] = groupProblems(query, '', ['capabilities', 'where'])
  if (problem) throw refusal(`a query takes a capability, or an object: ${problem}`)
  const { capabilities = [], where = {} } = query
  const [unknown] = groupProblems(where, 'where', Object.keys(index))
  if (unknown) throw refusal(Object.keys(index).length === 0 ? 'where needs fields: declare an index' : unknown)
  const texts = typeof capabilities === 'string' ? [checkCapability(capabilities)] : checkCapabilities(capabilities)
  const [all, ...terms] = termsOf(texts, Object.entries(where))
  return terms.length > 0 ? terms : [all ?? everybody]
}

/** @throws KeyplanError PARAM_INVALID */
export function checkLoad(load: unknown): number {
  if (typeof load === 'number' && Number.isFinite(load) && load >= 0) return load
  throw refusal(`load is ${shown(load)}; give a number from 0`)
}
