import type { Point } from './comparison.ts'
import { addEvidence, describeCalls } from './evidence.ts'
import { table } from './table.ts'

/** A row of the `--json` file. */
export interface Row {
  readonly case: string
  readonly subject: string
  readonly inFlight: number
  readonly opsPerSecond: number
}

/** One row for a subject at a number in flight: that of its fastest client there. */
export function rowsOf(points: readonly Point[]): Row[] {
  const best = new Map<string, Point>()
  for (const point of points) {
    const place = `${point.case} ${point.subject} ${point.inFlight}`
    const known = best.get(place)
    if (!known || point.opsPerSecond > known.opsPerSecond) best.set(place, point)
  }
  return [...best.values()].map(({ case: name, subject, inFlight, opsPerSecond }) => ({
    case: name,
    subject,
    inFlight,
    opsPerSecond: Math.round(opsPerSecond),
  }))
}

/** The points of one case for people: operations per second, the proof of work, and Keyplan against each subject. */
export function report(points: readonly Point[]): string {
  const inFlight = [...new Set(points.map(point => point.inFlight))]
  const heads = inFlight.map(count => `${count} in flight`)
  const lines = [...new Set(points.map(({ subject, client }) => `${subject} over ${client}`))]
  const of = (line: string) => points.filter(({ subject, client }) => `${subject} over ${client}` === line)
  const measured = lines.map(line => [
    line,
    ...of(line).map(({ opsPerSecond, spread }) => `${thousands(opsPerSecond)} ±${Math.round(spread * 50)} %`),
    describeWork(of(line)),
  ])
  const ratios = ratiosOf(rowsOf(points), inFlight)
  return [
    table(['operations per second', ...heads, 'commands per operation'], measured),
    ...(ratios.length > 0 ? [table(['keyplan is faster by', ...heads], ratios)] : []),
  ].join('\n\n')
}

function describeWork(points: readonly Point[]): string {
  const operations = points.reduce((sum, point) => sum + point.operations, 0)
  const evidence = addEvidence(points.map(point => point.evidence))
  const calls = describeCalls(evidence, operations)
  return calls ? `${calls}; keys found ${(evidence.hits / operations).toFixed(2)}` : 'none'
}

function ratiosOf(rows: readonly Row[], inFlight: readonly number[]): string[][] {
  const rate = (subject: string, count: number) =>
    rows.find(row => row.subject === subject && row.inFlight === count)?.opsPerSecond ?? Number.NaN
  const subjects = [...new Set(rows.map(row => row.subject))]
  if (!subjects.includes('keyplan')) return []
  return subjects
    .filter(subject => subject !== 'keyplan')
    .map(subject => [
      subject,
      ...inFlight.map(count => `${(rate('keyplan', count) / rate(subject, count)).toFixed(2)} ×`),
    ])
}

function thousands(rate: number): string {
  return `${(rate / 1000).toFixed(rate < 100_000 ? 1 : 0)} k`
}
