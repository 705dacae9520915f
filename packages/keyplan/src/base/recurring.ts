/** How often something has happened, and the line for the log where that is to be told of it. */
export interface Occurrence {
  readonly count: number
  readonly warning?: string
}

/** Counts what happens again and again, by its type: at the 1st, 2nd, 4th, 8th … time the log is told as well. */
export function createRecurring(): (type: string, line: string) => Occurrence {
  const counts = new Map<string, number>()
  return (type, line) => {
    const count = (counts.get(type) ?? 0) + 1
    counts.set(type, count)
    if ((count & (count - 1)) !== 0) return { count }
    return { count, warning: count === 1 ? line : `${line} (${count} times so far)` }
  }
}
