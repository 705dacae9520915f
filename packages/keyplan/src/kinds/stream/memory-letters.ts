import type { Clock } from '../../base/clock.ts'
import { isBehind } from './entry-id.ts'
import type { StoredLetter } from './store.ts'

interface Letter extends StoredLetter {
  readonly at: number
}

/** What a group in memory has given up. */
export interface MemoryLetters {
  readonly count: number
  write(letter: Omit<StoredLetter, 'id'>): void
  list(after: string, limit: number): StoredLetter[]
  /** Takes out those that hold a value. */
  take(ids: readonly string[]): StoredLetter[]
  purge(ids: readonly string[]): number
}

export function createMemoryLetters(keepMs: number, clock: Clock): MemoryLetters {
  let letters: Letter[] = []
  let sequence = 0
  const living = () => {
    const oldest = Math.floor(clock.wall()) - keepMs
    letters = letters.filter(({ at }) => at > oldest)
    return letters
  }
  return {
    get count() {
      return living().length
    },
    write(letter) {
      const at = Math.floor(clock.wall())
      letters = [...living(), { ...letter, id: `${at}-${++sequence}`, at }]
    },
    list: (after, limit) =>
      living()
        .filter(({ id }) => !isBehind(id, after))
        .slice(0, limit),
    take(ids) {
      const going = living().filter(({ id, value }) => ids.includes(id) && value !== undefined)
      letters = letters.filter(letter => !going.includes(letter))
      return going
    },
    purge(ids) {
      const before = living().length
      letters = letters.filter(({ id }) => !ids.includes(id))
      return before - letters.length
    },
  }
}
