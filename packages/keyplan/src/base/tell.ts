/** How often something has happened, and the line for the log where that is to be told of it. */
export interface Occurrence {
  readonly count: number
  readonly warning?: string
}

/** Tells of what happens again and again, with the number of times; `problem` is for the log. */
export type Tell<Happening> = (happened: Happening, problem: string) => void

/** Counts what happens in a namespace, by its type: at the 1st, 2nd, 4th, 8th … time the log is told as well. */
export function createTell<Happening extends { readonly type: string }>(
  namespace: string,
  notify: (notice: Happening & Occurrence & { readonly namespace: string }) => void,
): Tell<Happening> {
  const counts = new Map<string, number>()

  function occurrence(type: string, line: string): Occurrence {
    const count = (counts.get(type) ?? 0) + 1
    counts.set(type, count)
    if ((count & (count - 1)) !== 0) return { count }
    return { count, warning: count === 1 ? line : `${line} (${count} times so far)` }
  }

  return (happened, problem) =>
    notify({ ...happened, namespace, ...occurrence(happened.type, `${namespace}: ${problem}`) })
}
