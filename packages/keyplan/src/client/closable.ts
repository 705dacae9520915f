import { KeyplanError } from '../base/error.ts'
import type { Guard } from '../guard/guard.ts'

/** A guard that lets nothing through once the client is closed, no fallback either. */
export function closable(guard: Guard, isClosed: () => boolean): Guard {
  return {
    async run(subject, options, work, fallback) {
      if (!isClosed()) return guard.run(subject, options, work, fallback)
      const { namespace, name: operation } = subject
      throw new KeyplanError('CLOSED', 'The client is closed', { outcome: 'not-executed', namespace, operation })
    },
  }
}
