import { writeFile } from 'node:fs/promises'
import { type RedisProcess, startRedis } from '@keyplan/local'
import { measureAllocation } from './allocation/allocation.ts'
import { compare, type Point } from './comparison.ts'
import { measureConsume } from './consume/consume.ts'
import { measureCopies } from './copies/copies.ts'
import { measureHandover } from './handover/handover.ts'
import { watchHeap } from './heap.ts'
import { type Options, type Program, parseOptions, usage } from './options.ts'
import { report, rowsOf } from './report.ts'
import { suites } from './suites.ts'

type Of<Command> = Extract<Options, { command: Command }>

const tell = (message: string) => void process.stderr.write(`${message}\n`)

/** Each gives a table; the heap prints as it goes, and says whether it stayed where it was. */
const measurements: Readonly<
  Record<Program, (server: RedisProcess, options: Of<Program>) => Promise<string | boolean>>
> = {
  heap: ({ url }, { operations }) => watchHeap(url, operations),
  handover: ({ url }, { rounds }) => measureHandover(url, rounds, tell),
  consume: ({ url }, { entries, rounds }) => measureConsume(url, entries, rounds, tell),
  copies: ({ url }, { keys }) => measureCopies(url, keys, tell),
  allocation: ({ port }) => measureAllocation(port, tell),
}

async function compareSuite(options: Of<'compare'>, port: number): Promise<void> {
  const points: Point[] = []
  for (const name of suites[options.suite].cases) {
    const measured = await compare(options.suite, name, port, options, tell)
    process.stdout.write(`\n## ${name}\n\n${report(measured)}\n\n`)
    points.push(...measured)
  }
  if (options.json) await writeFile(options.json, `${JSON.stringify(rowsOf(points), undefined, 2)}\n`)
}

async function main(args: readonly string[]): Promise<void> {
  const options = parseOptions(args)
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n\n${usage}\n`)
    process.exitCode = 2
    return
  }
  await using server = await startRedis()
  if (options.command === 'compare') {
    await compareSuite(options, server.port)
    return
  }
  const measured = await measurements[options.command](server, options)
  if (typeof measured === 'string') process.stdout.write(`\n${measured}\n`)
  else process.exitCode = measured ? 0 : 1
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
