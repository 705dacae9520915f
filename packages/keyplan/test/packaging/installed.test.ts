import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const run = promisify(execFile)
const library = fileURLToPath(new URL('../..', import.meta.url))

/** An application that has installed the packed library and nothing else. */
let application: string
let packed: string[]

beforeAll(async () => {
  application = await mkdtemp(join(tmpdir(), 'keyplan-packaging-'))
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', application], {
    cwd: library,
  })
  const [tarball]: { filename: string; files: { path: string }[] }[] = JSON.parse(stdout)
  packed = tarball!.files.map(({ path }) => path)
  await writeFile(
    join(application, 'package.json'),
    JSON.stringify({ name: 'application', private: true, type: 'module' }),
  )
  await run(
    'npm',
    ['install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', `./${tarball!.filename}`],
    {
      cwd: application,
    },
  )
})

afterAll(() => rm(application, { recursive: true, force: true }))

/** What a module of the application prints as JSON. */
async function evaluate<T>(code: string): Promise<T> {
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', code], { cwd: application })
  return JSON.parse(stdout)
}

test('the tarball holds the compiled library, its types, its README and its licence, and nothing else', () => {
  const foreign = packed.filter(file => !/^(dist\/.+\.(js|d\.ts)|README\.md|LICENSE|package\.json)$/.test(file))
  expect(foreign).toEqual([])
  const wanted = ['dist/index.js', 'dist/index.d.ts', 'dist/client/index.js', 'README.md', 'LICENSE', 'package.json']
  expect(wanted.filter(file => !packed.includes(file))).toEqual([])
})

test('the installation brings at most 15 packages, none of which runs a script', async () => {
  const lock: { packages: Record<string, { hasInstallScript?: boolean }> } = JSON.parse(
    await readFile(join(application, 'package-lock.json'), 'utf8'),
  )
  const installed = Object.entries(lock.packages).filter(([path]) => path !== '')
  expect(installed.map(([path]) => path)).toContain('node_modules/keyplan')
  expect(installed.length).toBeLessThanOrEqual(15)
  expect(installed.filter(([, { hasInstallScript }]) => hasInstallScript)).toEqual([])
})

test("importing 'keyplan' loads nothing of the wire and opens nothing", async () => {
  // Looked at before anything is printed, which itself loads the modules of a pipe.
  const { builtins, modules, resources, exported } = await evaluate<{
    builtins: string[]
    modules: string[]
    resources: string[]
    exported: string[]
  }>(`
    import { createRequire } from 'node:module'
    const { cache } = createRequire(import.meta.url)
    const before = new Set(process.moduleLoadList)
    const library = await import('keyplan')
    // Requests end by themselves: the loader still closes the files it has read.
    const resources = process.getActiveResourcesInfo().filter(name => !/Req/.test(name))
    const builtins = process.moduleLoadList.filter(name => !before.has(name))
    const modules = Object.keys(cache)
    console.log(JSON.stringify({ builtins, modules, resources, exported: Object.keys(library) }))
  `)
  expect(exported).toContain('definePlan')
  expect(
    builtins.filter(name => /^NativeModule (net|tls|dns|zlib|http|https|child_process|worker_threads)$/.test(name)),
  ).toEqual([])
  expect(modules.filter(path => path.includes('ioredis'))).toEqual([])
  expect(resources).toEqual([])
})

test("importing 'keyplan/client' knows no commands yet: the first connection does", async () => {
  const { imported, connected } = await evaluate<{ imported: string[]; connected: string[] }>(`
    import { createRequire } from 'node:module'
    const { cache } = createRequire(import.meta.url)
    const { connect } = await import('keyplan/client')
    const { definePlan, lock } = await import('keyplan')
    const imported = Object.keys(cache)
    const plan = definePlan('look', { door: lock('door:<id>', { ttl: '1s' }) })
    // Nothing listens on port 1: an optional start resolves all the same.
    const client = await connect(plan, { url: 'redis://127.0.0.1:1', log() {} })
    await client.$close()
    // It is read beside the attempt to connect, which fails at once.
    for (let turn = 0; turn < 500 && Object.keys(cache).length === imported.length; turn++) {
      await new Promise(resolve => setTimeout(resolve, 10))
    }
    console.log(JSON.stringify({ imported, connected: Object.keys(cache) }))
  `)
  const ofTable = (modules: readonly string[]) => modules.filter(path => path.includes('/@ioredis/commands/'))
  expect(ofTable(imported)).toEqual([])
  expect(ofTable(connected)).not.toEqual([])
})

/** What each adapter exports. */
const adapters: Readonly<Record<string, readonly string[]>> = {
  bentocache: ['bentoDriver'],
  cookies: ['clearCookie', 'parseCookies', 'readCookie', 'signedCookie', 'writeCookie'],
  express: ['rateLimited', 'sessions', 'unavailable'],
  'express-rate-limit': ['expressRateLimitStore'],
  'express-session': ['expressSessionStore'],
  fastify: ['fastifyRateLimitStore', 'idempotent', 'rateLimited', 'sessions', 'unavailable'],
  hono: ['idempotent', 'rateLimited', 'sessions', 'unavailable'],
  idempotency: ['createIdempotency', 'idempotencyOf', 'idempotencySettings', 'idempotent', 'parseIdempotencyKey'],
  keyv: ['keyvStore'],
  koa: ['idempotent', 'rateLimited', 'sessions', 'unavailable'],
  nestjs: ['Locked', 'clientProvider', 'throttlerStorage'],
  next: ['nextCacheHandler', 'nextUseCacheHandler'],
  'socket.io': ['socketClient'],
  sse: ['eventResponse', 'eventStream', 'sendEvents'],
  undici: ['undiciStore'],
  unstorage: ['unstorageDriver'],
  verrou: ['verrouStore'],
  websocket: ['sendToSocket'],
}

test('each adapter loads without the library it is for, opens nothing, and throws the errors of the library', async () => {
  const { exported, loaded, code } = await evaluate<{ exported: object; loaded: string[]; code: string }>(`
    import { createRequire } from 'node:module'
    const { cache } = createRequire(import.meta.url)
    const { isKeyplanError, KeyplanError } = await import('keyplan')
    const exported = {}
    for (const name of ${JSON.stringify(Object.keys(adapters))}) {
      exported[name] = Object.keys(await import('keyplan/' + name)).sort()
    }
    const { keyvStore } = await import('keyplan/keyv')
    let code
    try {
      keyvStore({})
    } catch (error) {
      if (error instanceof KeyplanError && isKeyplanError(error)) code = error.code
    }
    console.log(JSON.stringify({ exported, loaded: Object.keys(cache), code }))
  `)
  expect(exported).toEqual(adapters)
  expect(loaded.filter(path => path.includes('ioredis'))).toEqual([])
  expect(code).toBe('PARAM_INVALID')
})

test('no adapter is missing in the table above', async () => {
  const { exports }: { exports: object } = JSON.parse(await readFile(join(library, 'package.json'), 'utf8'))
  const own = ['.', './client', './config', './package.json']
  const names = Object.keys(exports).filter(entry => !own.includes(entry))
  expect(names).toEqual(Object.keys(adapters).map(name => `./${name}`))
})

test('the library can be required', async () => {
  const { stdout } = await run(
    process.execPath,
    ['--input-type=commonjs', '--eval', "console.log(typeof require('keyplan').definePlan)"],
    { cwd: application },
  )
  expect(stdout.trim()).toBe('function')
})
