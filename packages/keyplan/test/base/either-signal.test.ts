import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { eitherSignal } from '../../src/base/either-signal.ts'

test('fires with the first of its sources, for its reason', () => {
  const [one, other] = [new AbortController(), new AbortController()]
  const { signal } = eitherSignal(one.signal, other.signal)
  expect(signal.aborted).toBe(false)
  other.abort('the other')
  one.abort('the one')
  expect(signal.reason).toBe('the other')
})

test('has fired where a source has', () => {
  const late = eitherSignal(new AbortController().signal, AbortSignal.abort('before'))
  expect(late.signal.reason).toBe('before')
  late.forget()
})

test('leaves nothing in its sources once it is let go of', () => {
  const source = new AbortController()
  const { signal, forget } = eitherSignal(source.signal)
  expect(getEventListeners(source.signal, 'abort')).toHaveLength(1)
  forget()
  expect(getEventListeners(source.signal, 'abort')).toHaveLength(0)
  source.abort()
  expect(signal.aborted).toBe(false)
})
