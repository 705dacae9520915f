/** What was measured, for whoever reads the output of a long run. */
export function report(what: string, figures: Readonly<Record<string, string | number>>): void {
  const list = Object.entries(figures).map(([name, value]) => `${name} ${shown(value)}`)
  console.log(`${what}: ${list.join(', ')}`)
}

const shown = (value: string | number) =>
  typeof value === 'number' && !Number.isInteger(value) ? value.toFixed(value < 10 ? 2 : 0) : value

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** @param share of the values that lie at or below what is given */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
}
