// npm run type-cost: what the compiler pays for a large plan. Writes a plan of 300 namespaces and an application that
// uses every one of them, type-checks them in one thread, and prints the figures less those of an empty application.
// Fails when the plan of the goal costs more than that.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { programs, root } from './bootstrap.mjs'

const goal = { namespaces: 300, instantiations: 30_000 }
const namespaces = Number(process.argv[2] ?? goal.namespaces)
if (!Number.isInteger(namespaces) || namespaces < 1) {
  console.error('usage: node scripts/type-cost.mjs [namespaces]')
  process.exit(64)
}

/** One of each kind in turn, with one to three parameters. */
function declaration(index) {
  const params = ['<userId>', '<recordId>:<depth>', '<platform>:<userId>:<dataSourceId>'][Math.floor(index / 3) % 3]
  const pattern = `area${index}:${params}`
  switch (index % 3) {
    case 0:
      return `cache('${pattern}', { ttl: '5m', value: json<Value${index}>(), owner: 'team', budget: { keys: 1000, bytes: '1mb' } })`
    case 1:
      return `lock('${pattern}', { ttl: '15s', retry: { attempts: 3, delay: '200ms' } })`
    default:
      return `rateLimit('${pattern}', { limit: 100, window: '1m' })`
  }
}

/** Uses the namespace through the type of the client. */
function use(index) {
  const args = ["{ userId: 'u' }", '{ recordId: 1, depth: 2 }', "{ platform: 'p', userId: 'u', dataSourceId: 3 }"]
  const address = `redis.area${index}(${args[Math.floor(index / 3) % 3]})`
  switch (index % 3) {
    case 0:
      return `export const value${index}: Promise<Value${index} | undefined> = ${address}.get()`
    case 1:
      return `export const held${index} = ${address}.tryAcquire()`
    default:
      return `export const decision${index} = ${address}.consume()`
  }
}

function application(count) {
  const all = Array.from({ length: count }, (_, index) => index)
  return [
    "import { cache, definePlan, json, lock, rateLimit } from 'keyplan'",
    "import { connect } from 'keyplan/client'",
    ...all
      .filter(index => index % 3 === 0)
      .map(index => `interface Value${index} { id: string; field${index}: number }`),
    'const plan = definePlan("large", {',
    ...all.map(index => `  area${index}: ${declaration(index)},`),
    '})',
    'const redis = await connect(plan)',
    ...all.map(use),
    'export { cache, json, lock, plan, rateLimit, redis }',
  ].join('\n')
}

const folder = mkdtempSync(join(root, 'node_modules', '.type-cost-'))

function measure(count) {
  writeFileSync(join(folder, 'application.ts'), application(count))
  const args = [join(root, programs.tsc), '-p', folder, '--extendedDiagnostics']
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  if (status !== 0) {
    console.error(
      `the application of ${count} namespaces does not compile (run npm run build first):\n${stdout}${stderr}`,
    )
    process.exitCode = 1
    return undefined
  }
  const figure = name => Number(new RegExp(`^${name}:\\s+([\\d.]+)`, 'm').exec(stdout)?.[1] ?? Number.NaN)
  return { instantiations: figure('Instantiations'), types: figure('Types'), checkTime: figure('Check time') }
}

try {
  const compilerOptions = {
    target: 'ES2023',
    lib: ['ES2023', 'ESNext.Disposable'],
    module: 'NodeNext',
    types: ['node'],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    singleThreaded: true,
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['application.ts'] }))
  const one = measure(0)
  const all = one && measure(namespaces)
  if (all) {
    const instantiations = all.instantiations - one.instantiations
    console.log(`a plan of ${namespaces} namespaces, each used once (TypeScript, one thread):`)
    console.log(
      `  instantiations ${all.instantiations} (${(instantiations / namespaces).toFixed(0)} for each namespace)`,
    )
    console.log(`  types          ${all.types}`)
    console.log(`  check time     ${all.checkTime} s (${one.checkTime} s without a namespace)`)
    if (namespaces === goal.namespaces) {
      console.log(`  goal           at most ${goal.instantiations} instantiations`)
      // A figure that could not be read is no success either.
      if (!(all.instantiations <= goal.instantiations)) {
        console.error('the plan costs more than the goal allows')
        process.exitCode = 1
      }
    }
  }
} finally {
  rmSync(folder, { recursive: true })
}
