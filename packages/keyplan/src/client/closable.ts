import { KeyplanError } from '../base/error.ts'
import type { Guard, Subject } from '../guard/guard.ts'

/** A guard that lets nothing through once the client is closed, no fallback either. */
export function closable(guard: Guard, isClosed: () => boolean): Guard {
  return {
    run: (subject, options, work, fallback, scope) =>
      isClosed() ? Promise.reject(refusal(subject)) : guard.run(subject, options, work, fallback, scope),
  }
}

const refusal = ({ namespace, name }: Subject) =>
  new KeyplanError('CLOSED', 'The client is closed', { outcome: 'not-executed', namespace, operation: name })
