import type { Codec, Stored } from '../../base/codec.ts'
import { type ErrorCode, KeyplanError } from '../../base/error.ts'
import type { ClaimAnswer, MarkView } from '../../mechanisms/mark/store.ts'
import type { OnceAnswer, OnceView } from './contract.ts'
import { asError, openFailure } from './failure.ts'

/** Stored results of one namespace, read. */
export interface Answers<Out> {
  /** @throws KeyplanError DECODE_FAILED for a result that the namespace's codec cannot read */
  result(value: Stored): Out
  told(answer: Exclude<ClaimAnswer, { state: 'claimed' }>): OnceAnswer<Out>
  seen(view: MarkView): OnceView<Out>
  /** @throws KeyplanError for whatever is no result */
  resultOf(answer: OnceAnswer<Out>): Out
}

const failures = {
  running: ['ONCE_RUNNING', 'is being run by another; to stay for its result, say how long in wait', 'not-executed'],
  failed: ['ONCE_FAILED', 'has failed, and its failure is kept', 'not-executed'],
  unknown: ['ONCE_UNKNOWN', 'was begun and its process fell silent: find out what it did, then forget() it', 'unknown'],
  mismatch: ['ONCE_MISMATCH', 'was asked for with another payload under the same key', 'not-executed'],
} as const satisfies Record<string, readonly [ErrorCode, string, 'not-executed' | 'unknown']>

export function createAnswers<Out>(namespace: string, codec: Codec<never, Out>): Answers<Out> {
  function result(value: Stored): Out {
    try {
      return codec.decode(value)
    } catch (cause) {
      const message = `A stored result of ${namespace} cannot be read as it is declared`
      throw new KeyplanError('DECODE_FAILED', message, { namespace, operation: 'run', cause })
    }
  }

  return {
    result,
    told(answer) {
      if (answer.state === 'done') return { state: 'done', result: result(answer.value), replayed: true }
      if (answer.state === 'failed') return { state: 'failed', failure: openFailure(answer.value) }
      return answer.state === 'running' ? { state: 'running', retryAfterMs: answer.remainingMs } : answer
    },
    seen(view) {
      if (view.state === 'done') {
        const { value, ...rest } = view
        return { ...rest, result: result(value) }
      }
      if (view.state !== 'failed') return view
      const { value, ...rest } = view
      return { ...rest, failure: openFailure(value) }
    },
    resultOf(answer) {
      if (answer.state === 'done') return answer.result
      const [code, told, outcome] = failures[answer.state]
      const cause = answer.state === 'failed' ? asError(answer.failure) : undefined
      throw new KeyplanError(code, `The operation of ${namespace} ${told}`, {
        namespace,
        operation: 'run',
        outcome,
        cause,
      })
    },
  }
}
