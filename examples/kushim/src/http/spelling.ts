/** How many letters must be changed, added or taken away to make one word of the other (Levenshtein, 1965). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (const [index, letter] of [...one].entries()) {
    const next = [index + 1]
    for (let place = 0; place < other.length; place++) {
      const same = letter === other[place] ? 0 : 1
      next.push(Math.min(row[place + 1]! + 1, next[place]! + 1, row[place]! + same))
    }
    row = next
  }
  return row[other.length]!
}

/** What to say of a name that is not among the known ones: the one that was probably meant, else all of them. */
export function whatWasMeant(name: string, known: readonly string[]): string {
  const near = known.find(candidate => distance(name.slice(0, 50).toLowerCase(), candidate.toLowerCase()) <= 2)
  if (near !== undefined) return `did you mean ${near}?`
  return known.length === 0 ? 'there is none' : `there is ${known.join(', ')}`
}
