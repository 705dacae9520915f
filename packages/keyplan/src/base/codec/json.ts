import type { Codec } from '../codec.ts'
import { KeyplanError, kindOf } from '../error.ts'
import { storedText } from './stored-text.ts'

/**
 * Values as plain JSON, which services in other languages can read. What a read gives is what JSON keeps: a `Date`
 * inside becomes a string, an `undefined` field is left out. Nothing is checked on reading; use a schema for that.
 */
export function json<T>(): Codec<T> {
  return {
    name: 'json',
    binary: false,
    format: 'json',
    encode: encodeJson,
    // JSON.parse makes `__proto__` an own property like any other: no prototype is touched.
    decode: stored => JSON.parse(storedText(stored)),
  }
}

/** @throws KeyplanError VALUE_INVALID when JSON cannot hold the value or would silently lose it */
export function encodeJson(value: unknown): string {
  if (typeof value === 'number' && !Number.isFinite(value)) throw refusal(kindOf(value))
  if (ArrayBuffer.isView(value))
    throw refusal('binary data', `use ${value instanceof Float32Array ? 'vector' : 'bytes'}()`)
  const text = stringify(value)
  if (text === undefined) throw refusal(kindOf(value))
  // An object that is not a plain one and leaves nothing behind: a Map, a Set, a forgotten promise.
  if (text === '{}' && !isPlain(value as object)) throw refusal(`a ${nameOf(value as object)}`)
  return text
}

function stringify(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch (cause) {
    const what = typeof value === 'bigint' ? 'a bigint' : 'a value that is cyclic or holds a bigint'
    throw new KeyplanError('VALUE_INVALID', `the value is ${what}, which JSON cannot hold; convert it first`, { cause })
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null || 'toJSON' in value
}

function nameOf(value: object): string {
  return value.constructor?.name || 'object of a class'
}

function refusal(what: string, remedy = 'convert it first'): KeyplanError {
  return new KeyplanError('VALUE_INVALID', `the value is ${what}, which JSON cannot hold; ${remedy}`)
}
