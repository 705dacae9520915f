/** More changes than this make another word. */
const mostChanges = 2

/**
 * The known name that is probably meant: the nearest of those that one or two changes lead to, upper and lower case being
 * the same. A change is a letter that is another, is missing, is one too many, or has changed places with the next; a
 * name of less than five letters may have one.
 */
export function likely(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let least = (name.length < 5 ? 1 : mostChanges) + 1
  for (const candidate of known) {
    const count = changes(name.toLowerCase(), candidate.toLowerCase())
    if (count >= least) continue
    best = candidate
    least = count
  }
  return best
}

/** The optimal string alignment distance (F. Damerau, 1964; L. Boytsov, 2011). */
function changes(left: string, right: string): number {
  let before: number[] = []
  let row = Array.from({ length: right.length + 1 }, (_, place) => place)
  for (let index = 1; index <= left.length; index++) {
    const next = [index]
    for (let place = 1; place <= right.length; place++) {
      const same = left[index - 1] === right[place - 1]
      let least = Math.min(row[place]! + 1, next[place - 1]! + 1, row[place - 1]! + (same ? 0 : 1))
      const swapped = left[index - 1] === right[place - 2] && left[index - 2] === right[place - 1]
      if (swapped && index > 1 && place > 1) least = Math.min(least, before[place - 2]! + 1)
      next.push(least)
    }
    before = row
    row = next
  }
  return row[right.length]!
}
