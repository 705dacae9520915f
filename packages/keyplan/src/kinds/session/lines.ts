/** Writers of one key, one after another. */
export interface Lines<State, Writer> {
  /** @param known what this writer knows of the key; used when nobody is before it */
  join(key: string, known: State, writer: Writer): void
}

interface Rejectable {
  reject(error: unknown): void
}

/**
 * The first writes at once. Those that come while it does wait, and are then written together.
 *
 * @param write writes for some of them and tells them; gives what is known of the key afterwards
 * @param alone whether a writer shares its write with nobody
 */
export function createLines<State, Writer extends Rejectable>(
  write: (key: string, known: State | undefined, writers: readonly Writer[]) => Promise<State | undefined>,
  alone: (writer: Writer) => boolean,
): Lines<State, Writer> {
  const lines = new Map<string, Writer[]>()

  async function work(key: string, known: State, line: Writer[]): Promise<void> {
    let at: State | undefined = known
    while (line.length > 0) {
      const batch = line.splice(0, together(line))
      try {
        at = await write(key, at, batch)
      } catch (error) {
        for (const { reject } of batch) reject(error)
        at = undefined
      }
    }
    lines.delete(key)
  }

  /** How many of the first are written as one. */
  function together(line: readonly Writer[]): number {
    const single = line.findIndex(alone)
    return single < 0 ? line.length : Math.max(1, single)
  }

  return {
    join(key, known, writer) {
      const line = lines.get(key)
      if (line) return void line.push(writer)
      const begun = [writer]
      lines.set(key, begun)
      void work(key, known, begun)
    },
  }
}
