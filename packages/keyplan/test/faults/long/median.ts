/** Runs the rounds one after the other. */
export async function inTurn<T>(rounds: number, run: (round: number) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  for (let round = 0; round < rounds; round++) results.push(await run(round))
  return results
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!

/** Prints each figure of the rounds, and gives their medians. */
export function tell<Name extends string>(
  what: string,
  rounds: readonly Readonly<Record<Name, number>>[],
): Record<Name, number> {
  const names = Object.keys(rounds[0]!) as Name[]
  const medians = {} as Record<Name, number>
  const lines = names.map(name => {
    const values = rounds.map(round => Math.round(round[name]))
    medians[name] = median(values)
    return `  ${name}: median ${medians[name]} (${values.join(', ')})`
  })
  console.log([what, ...lines].join('\n'))
  return medians
}

/** Milliseconds from `begun` to the first time the call succeeds. */
export async function firstSuccess(call: () => Promise<unknown>, begun: number): Promise<number> {
  for (;;) {
    const succeeded = await call().then(
      () => true,
      () => false,
    )
    if (succeeded) return performance.now() - begun
  }
}
