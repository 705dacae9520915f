import { checkOptions } from '../../../base/call.ts'
import { KeyplanError, kindOf, shown } from '../../../base/error.ts'
import type { FindOptions, PickOptions } from '../contract.ts'

const longestLimit = 1_000

const refusal = (message: string) => new KeyplanError('PARAM_INVALID', message)

/** @throws KeyplanError PARAM_INVALID */
export function checkFind(options: FindOptions): FindOptions {
  checkOptions(options, ['limit', 'after', 'order'])
  const { limit, after, order } = options
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 1 && limit <= longestLimit)) {
    throw refusal(`limit is ${shown(limit)}; give a whole number from 1 to ${longestLimit}, or list all`)
  }
  if (after !== undefined && typeof after !== 'string')
    throw refusal(`after is ${kindOf(after)}; give the id of a member`)
  if (order !== undefined && order !== 'id' && order !== 'load') {
    throw refusal(`order is ${shown(order)}; use 'id' or 'load'`)
  }
  if (after !== undefined && order === 'load') throw refusal('after goes with the order of ids; leave one of them out')
  return options
}

/** @throws KeyplanError PARAM_INVALID */
export function checkPick(options: PickOptions): PickOptions {
  checkOptions(options, ['by'])
  const { by } = options
  if (by === undefined || by === 'turn' || by === 'load') return options
  throw refusal(`by is ${shown(by)}; use 'turn' or 'load'`)
}
