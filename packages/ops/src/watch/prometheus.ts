/** One value of a metric. Labels without a value are left out. */
export interface Sample {
  readonly value: number
  readonly labels?: Readonly<Record<string, string | undefined>>
}

/** A metric and how its values are read from a source. */
export interface Metric<Source> {
  /** As Prometheus has it: base units, and `_total` for what only grows. */
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly help: string
  samples(source: Source): readonly Sample[]
}

export const contentType = 'text/plain; version=0.0.4; charset=utf-8'

/** The text format of Prometheus, 0.0.4. A metric without a sample is left out. */
export function prometheusText<Source>(metrics: readonly Metric<Source>[], source: Source): string {
  return metrics
    .flatMap(({ name, type, help, samples }) => {
      const lines = samples(source).map(({ value, labels }) => `${name}${labelsOf(labels)} ${value}`)
      return lines.length === 0 ? [] : [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines]
    })
    .map(line => `${line}\n`)
    .join('')
}

function labelsOf(labels: Sample['labels'] = {}): string {
  const written = Object.entries(labels).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}="${escaped(value)}"`],
  )
  return written.length === 0 ? '' : `{${written.join()}}`
}

const escaped = (value: string) => value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
