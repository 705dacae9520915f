import { parseArgs } from 'node:util'
import type { Effort } from './comparison.ts'
import { type SuiteName, suites } from './suites.ts'

/** What the command line asks for. */
export type Options =
  | ({ readonly command: 'compare'; readonly suite: SuiteName; readonly json: string | undefined } & Effort)
  | { readonly command: 'heap'; readonly operations: number }
  | { readonly command: 'handover'; readonly rounds: number }
  | { readonly command: 'consume'; readonly rounds: number; readonly entries: number }

export const usage = `npm run bench -- ${Object.keys(suites).join('|')} [options]

  --in-flight 1,10,100,1000   calls kept going at once (kushim: 1,10,30)
  --rounds 5                  counted rounds; the median is reported
  --seconds 1                 length of one slice of a round
  --json FILE                 write rows { case, subject, inFlight, opsPerSecond }

npm run bench -- heap [options]

  --operations 10000000       calls between the two looks at the heap

npm run bench -- handover [options]

  --rounds 5                  how often each of ten processes gets the lock

npm run bench -- consume [options]

  --rounds 5                  counted rounds
  --entries 300000            entries of one round`

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
  if (name === undefined || rest.length > 0) return 'Name one suite, or heap, handover or consume.'
  if (name === 'heap') {
    const operations = Number(values.operations)
    if (!isCount(operations)) return '--operations takes a whole number above 0.'
    return { command: 'heap', operations }
  }
  if (name === 'handover') {
    const rounds = Number(values.rounds)
    return isCount(rounds) ? { command: 'handover', rounds } : '--rounds takes a whole number above 0.'
  }
  if (name === 'consume') {
    const [rounds, entries] = [Number(values.rounds), Number(values.entries)]
    const isUsable = isCount(rounds) && isCount(entries)
    return isUsable ? { command: 'consume', rounds, entries } : '--rounds and --entries take whole numbers above 0.'
  }
  if (!isSuite(name)) return `There is no suite "${name}".`
  const inFlight = values['in-flight']?.split(',').map(Number) ?? suites[name].inFlight
  const rounds = Number(values.rounds)
  const seconds = Number(values.seconds)
  if (!inFlight.every(isCount)) return '--in-flight takes whole numbers above 0.'
  if (!isCount(rounds)) return '--rounds takes a whole number above 0.'
  if (!(seconds > 0)) return '--seconds takes a number above 0.'
  return { command: 'compare', suite: name, inFlight, rounds, seconds, json: values.json }
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
    },
  })
}

function isCount(number: number): boolean {
  return Number.isSafeInteger(number) && number > 0
}

function isSuite(name: string): name is SuiteName {
  return Object.hasOwn(suites, name)
}
