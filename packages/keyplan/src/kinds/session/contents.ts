import { KeyplanError, kindOf } from '../../base/error.ts'
import type { SessionChange, SessionDevice } from './contract.ts'
import { dataOf, type SessionRecord } from './record.ts'
import type { SessionSettings } from './settings.ts'

/** One change of a session's data. */
export interface Change {
  readonly change: SessionChange<object> | undefined
  readonly replace: boolean
  readonly device: SessionDevice | undefined
}

/** What of a session its owner decides. */
export type Content = Pick<SessionRecord, 'user' | 'device' | 'data'>

type Fields = { [field: string]: unknown }

/** How data, patches and devices become what is stored. */
export interface Contents {
  /** @throws KeyplanError VALUE_INVALID */
  of(data: unknown, device: SessionDevice | undefined): Content
  /**
   * The content after changes, one after another. What they do not name stays as it is, whoever wrote it.
   *
   * @throws KeyplanError VALUE_INVALID; PARAM_INVALID when a change is none
   */
  changed(content: Content, changes: readonly Change[]): Content
}

export function createContents({ codec, perUser }: Pick<SessionSettings, 'codec' | 'perUser'>): Contents {
  function contentOf(data: unknown, device: SessionDevice): Content {
    const text = codec.encode(data)
    if (typeof text !== 'string' || !text.startsWith('{')) {
      throw new KeyplanError('VALUE_INVALID', `the data of a session is ${kindOf(data)}; give an object`)
    }
    return { user: perUser && userText(perUser.by(data)), device, data: text }
  }

  return {
    of: (data, device) => contentOf(data, deviceOf(device)),
    changed(content, changes) {
      let text = content.data
      let present: Fields = dataOf(content, JSON.parse)
      let { device } = content
      for (const { change, replace, device: seen } of changes) {
        let patch = change ?? {}
        if (typeof patch === 'function') {
          text = contentOf(present, device).data
          patch = patch(dataOf({ data: text }, stored => codec.decode(stored)) as object)
          present = JSON.parse(text) as Fields
        }
        if (replace) present = {}
        apply(present, patch)
        device = { ...device, ...deviceOf(seen) }
      }
      return contentOf(present, device)
    },
  }
}

/** Sets the fields of a patch; one that is undefined is removed. `__proto__` is a field like any other, as JSON has it. */
function apply(fields: Fields, patch: unknown): void {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) {
    throw new KeyplanError('PARAM_INVALID', `the change is ${kindOf(patch)}; give an object of the fields to set`)
  }
  if (typeof (patch as PromiseLike<unknown>).then === 'function') {
    throw new KeyplanError(
      'PARAM_INVALID',
      'the change is a promise; wait for what it needs before, and make it at once',
    )
  }
  for (const [field, value] of Object.entries(patch)) {
    if (value === undefined) delete fields[field]
    else Object.defineProperty(fields, field, { value, enumerable: true, writable: true, configurable: true })
  }
}

/** @throws KeyplanError VALUE_INVALID when it is no name */
export function userText(user: unknown): string | undefined {
  if (user === undefined || user === null) return undefined
  if (typeof user === 'number' && Number.isFinite(user)) return String(user)
  if (typeof user === 'string' && user !== '') return user
  throw new KeyplanError('VALUE_INVALID', `the user of a session is ${kindOf(user)}; give a name or a number`)
}

const deviceFields = ['userAgent', 'ip', 'label'] as const
const longestText = 512

/** @throws KeyplanError PARAM_INVALID for a text that is none */
function deviceOf(device: unknown): SessionDevice {
  if (device === undefined) return {}
  if (typeof device !== 'object' || device === null) {
    throw new KeyplanError('PARAM_INVALID', `device is ${kindOf(device)}; give { userAgent, ip, label }`)
  }
  const kept: { [field: string]: string } = {}
  for (const field of deviceFields) {
    const text = (device as Fields)[field]
    if (text === undefined) continue
    if (typeof text !== 'string')
      throw new KeyplanError('PARAM_INVALID', `device.${field} is ${kindOf(text)}; give text`)
    kept[field] = text.slice(0, longestText)
  }
  return kept
}
