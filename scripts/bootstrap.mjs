// What a fresh machine lacks. Only Node's own modules: this runs before any package is there.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** The programs of packages, by their path under the root. Run by this Node: no shell and no PATH. */
export const programs = {
  biome: 'node_modules/@biomejs/biome/bin/biome',
  rolldown: 'node_modules/rolldown/bin/cli.mjs',
  tsc: 'node_modules/typescript/bin/tsc',
  vitest: 'node_modules/vitest/vitest.mjs',
}

/** Runs a program of a package with its output shown; returns whether it succeeded. */
export function run(program, ...args) {
  return runIn(root, program, ...args)
}

function runIn(folder, program, ...args) {
  return succeeded(process.execPath, [join(root, programs[program]), ...args], { cwd: folder })
}

function succeeded(command, args, options) {
  return spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options }).status === 0
}

/** Installs the npm packages unless exactly those of package-lock.json are there. Returns whether they are. */
export function installPackages() {
  if (packagesArePresent()) return true
  console.log('Installing the npm packages …')
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund']
  // Run by npm, its own path is known. A bare Windows needs its shell to find npm.cmd.
  const npm = process.env.npm_execpath
  return npm?.endsWith('.js')
    ? succeeded(process.execPath, [npm, ...args])
    : succeeded('npm', args, { shell: process.platform === 'win32' })
}

function packagesArePresent() {
  const installed = join(root, 'node_modules/.package-lock.json')
  if (!existsSync(installed)) return false
  const present = readLock(installed)
  return Object.entries(readLock(join(root, 'package-lock.json')))
    .filter(([path]) => path.includes('node_modules/'))
    .every(([path, { version, optional }]) => (path in present ? present[path].version === version : optional))
}

function readLock(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages
}

/** Compiles every package, and puts the library into few files. Returns whether it succeeded. */
export function build() {
  return run('tsc', '-b') && runIn(join(root, 'packages/keyplan'), 'rolldown', '-c', '--logLevel', 'warn')
}

const managers = {
  'apt-get': 'apt-get install redis-server',
  dnf: 'dnf install redis',
  apk: 'apk add redis',
  brew: 'brew install redis',
}

/** The path of a redis-server 7.0 or later, installed when it is missing and can be; undefined otherwise. After the build. */
export async function provideRedis() {
  const before = await findRedis()
  if (before.path !== undefined || before.tooOld) return before.path

  const manager = Object.keys(managers).find(name => succeeded(name, ['--version'], { stdio: 'ignore' }))
  if (manager === undefined) {
    console.error('redis-server is missing, and there is no apt-get, dnf, apk or brew to install it with.')
    return undefined
  }
  const byRoot = process.getuid?.() === 0
  if (manager !== 'brew' && !byRoot && !succeeded('sudo', ['-n', 'true'], { stdio: 'ignore' })) {
    console.error(`redis-server is missing. Install it with:  sudo ${managers[manager]}`)
    return undefined
  }
  console.log(`Installing redis-server with ${manager}, without starting a service …`)
  const script = ['sh', join(root, 'scripts/install-redis.sh'), manager]
  const [command, ...args] = manager === 'brew' || byRoot ? script : ['sudo', '-n', ...script]
  if (!succeeded(command, args)) console.error(`That failed. Install it with:  ${managers[manager]}`)
  return (await findRedis()).path
}

async function findRedis() {
  const entry = pathToFileURL(join(root, 'packages/local/dist/index.js'))
  const { findRedisServer } = await import(entry.href)
  const found = await findRedisServer()
  const tooOld = found !== undefined && Number.parseInt(found.version, 10) < 7
  if (tooOld) console.error(`${found.path} is Redis ${found.version}; Keyplan needs 7.0 or later.`)
  return { path: tooOld ? undefined : found?.path, tooOld }
}
