import { writeFile } from 'node:fs/promises'
import { startRedis } from '@keyplan/local'
import { compare, type Point } from './comparison.ts'
import { measureConsume } from './consume/consume.ts'
import { measureHandover } from './handover/handover.ts'
import { watchHeap } from './heap.ts'
import { type Options, parseOptions, usage } from './options.ts'
import { report, rowsOf } from './report.ts'
import { suites } from './suites.ts'

async function compareSuite(options: Extract<Options, { command: 'compare' }>, port: number): Promise<void> {
  const points: Point[] = []
  for (const name of suites[options.suite].cases) {
    const measured = await compare(options.suite, name, port, options, message => {
      process.stderr.write(`${message}\n`)
    })
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
  if (options.command === 'heap') process.exitCode = (await watchHeap(server.url, options.operations)) ? 0 : 1
  else if (options.command === 'handover') {
    const measured = await measureHandover(server.url, options.rounds, message => process.stderr.write(`${message}\n`))
    process.stdout.write(`\n${measured}\n`)
  } else if (options.command === 'consume') {
    const tell = (message: string) => process.stderr.write(`${message}\n`)
    process.stdout.write(`\n${await measureConsume(server.url, options.entries, options.rounds, tell)}\n`)
  } else await compareSuite(options, server.port)
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
