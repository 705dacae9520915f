/**
 * Followers that ask for the same in one turn of the event loop share the answer: many that could not keep up with a burst, or
 * whose link was lost, stand at the same place. It is read behind all of them, so whatever one of them had heard of when it
 * asked lies in it, or is gone.
 */
export function sharedReads<Asked extends readonly (string | number)[], Answer>(
  read: (...asked: Asked) => Promise<Answer>,
): (...asked: Asked) => Promise<Answer> {
  const reads = new Map<string, Promise<Answer>>()
  return (...asked) => {
    const name = asked.join(' ')
    const known = reads.get(name)
    if (known) return known
    const answer = new Promise<void>(resolve => setImmediate(resolve)).then(() => {
      reads.delete(name)
      return read(...asked)
    })
    reads.set(name, answer)
    return answer
  }
}
