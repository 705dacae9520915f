import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isKeyplanError } from '../../src/base/error.ts'

/** How an operation ended, as its caller was told. */
export type Ending = 'done' | 'failed' | 'unknown'

/**
 * What was asked, noted in a file before it is sent, and what became of it: so that nothing that was acknowledged can be
 * missing from the books, whatever dies meanwhile.
 */
export interface Ledger extends Disposable {
  /** Runs one operation under an id of its own. A failure is an ending, not an exception. */
  run(id: string, operation: () => Promise<unknown>): Promise<Ending>
  ids(ending: Ending): string[]
  /** Operations that were begun and have not ended. */
  open(): string[]
  readonly errors: readonly unknown[]
}

export function openLedger(): Ledger {
  const folder = mkdtempSync(join(tmpdir(), 'keyplan-ledger-'))
  const file = join(folder, 'ledger')
  const errors: unknown[] = []
  const note = (line: string) => appendFileSync(file, `${line}\n`)
  appendFileSync(file, '')

  function lines(): Map<string, string> {
    const last = new Map<string, string>()
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      const at = line.indexOf(' ')
      if (at > 0) last.set(line.slice(at + 1), line.slice(0, at))
    }
    return last
  }
  const having = (state: string) => [...lines()].filter(([, last]) => last === state).map(([id]) => id)

  return {
    async run(id, operation) {
      note(`begun ${id}`)
      let ending: Ending = 'done'
      try {
        await operation()
      } catch (error) {
        errors.push(error)
        // Only a typed error may say that nothing happened.
        ending = isKeyplanError(error) && error.outcome === 'not-executed' ? 'failed' : 'unknown'
      }
      note(`${ending} ${id}`)
      return ending
    },
    ids: having,
    open: () => having('begun'),
    errors,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}
