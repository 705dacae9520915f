import { parseArgs } from 'node:util'
import type { Effort } from './comparison.ts'
import { type SuiteName, suites } from './suites.ts'

/** What is measured by a program of its own. */
export const programs = ['heap', 'handover', 'consume', 'copies', 'allocation'] as const

export type Program = (typeof programs)[number]

interface Counts {
  readonly rounds: number
  readonly operations: number
  readonly entries: number
  readonly keys: number
}

/** What the command line asks for. */
export type Options =
  | ({ readonly command: 'compare'; readonly suite: SuiteName; readonly json: string | undefined } & Effort)
  | ({ readonly command: Program } & Counts)

export const usage = `npm run bench -- ${Object.keys(suites).join('|')} [options]

  --in-flight 1,10,100,1000   calls kept going at once (kushim: 1,10,30)
  --rounds 5                  counted rounds; the median is reported
  --seconds 1                 length of one slice of a round
  --json FILE                 write rows { case, subject, inFlight, opsPerSecond }

npm run bench -- ${programs.join('|')} [options]

  --operations 10000000       heap: calls between the two looks at it
  --rounds 5                  handover: how often each of ten processes gets the lock; consume: counted rounds
  --entries 300000            consume: entries of one round
  --keys 1000000              copies: keys that are read through a near cache`

/** The options, or a sentence that says what is wrong with the arguments. */
export function parseOptions(args: readonly string[]): Options | string {
  let parsed: ReturnType<typeof parse>
  try {
    parsed = parse(args)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  const { values, positionals } = parsed
  const [name, ...rest] = positionals
  if (name === undefined || rest.length > 0) return `Name one suite, or one of ${programs.join(', ')}.`
  const counts: Counts = {
    rounds: Number(values.rounds),
    operations: Number(values.operations),
    entries: Number(values.entries),
    keys: Number(values.keys),
  }
  for (const [option, count] of Object.entries(counts)) {
    if (!isCount(count)) return `--${option} takes a whole number above 0.`
  }
  if (isProgram(name)) return { command: name, ...counts }
  if (!isSuite(name)) return `There is no suite "${name}".`
  const inFlight = values['in-flight']?.split(',').map(Number) ?? suites[name].inFlight
  const seconds = Number(values.seconds)
  if (!inFlight.every(isCount)) return '--in-flight takes whole numbers above 0.'
  if (!(seconds > 0)) return '--seconds takes a number above 0.'
  return { command: 'compare', suite: name, inFlight, rounds: counts.rounds, seconds, json: values.json }
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      'in-flight': { type: 'string' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '1' },
      json: { type: 'string' },
      operations: { type: 'string', default: '10000000' },
      entries: { type: 'string', default: '300000' },
      keys: { type: 'string', default: '1000000' },
    },
  })
}

function isCount(number: number): boolean {
  return Number.isSafeInteger(number) && number > 0
}

const isProgram = (name: string): name is Program => (programs as readonly string[]).includes(name)

function isSuite(name: string): name is SuiteName {
  return Object.hasOwn(suites, name)
}
