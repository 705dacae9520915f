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
  return succeeded(process.execPath, [join(root, programs[program]), ...args])
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

/** Compiles every package, and puts the library into few files. Returns whether it succeeded; shown only if not. */
export function build() {
  return succeededQuietly(root, 'tsc', '-b') && succeededQuietly(join(root, 'packages/keyplan'), 'rolldown', '-c')
}

function succeededQuietly(folder, program, ...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, programs[program]), ...args], {
    cwd: folder,
    encoding: 'utf8',
  })
  if (status !== 0) process.stderr.write(`${stdout}${stderr}`)
  return status === 0
}

/** The path of a redis-server 7.0 or later, installed when it is missing and can be; undefined otherwise. After the build. */
export async function provideRedis() {
  const before = await findRedis()
  if (before.path !== undefined || before.tooOld) return before.path
  // It says for itself what keeps it from it. A bare Windows has no shell to run it.
  const { error } = spawnSync('sh', [join(root, 'scripts/install-redis.sh')], { cwd: root, stdio: 'inherit' })
  if (error) console.error('redis-server is missing, and there is no shell to install it with; install it by hand.')
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
