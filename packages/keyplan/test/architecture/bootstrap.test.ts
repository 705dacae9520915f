import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'

const repository = fileURLToPath(new URL('../../../..', import.meta.url))

/** A small repository of its own, with the real bootstrap in it. */
let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'keyplan-bootstrap-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  mkdirSync(join(root, 'scripts'))
  copyFileSync(join(repository, 'scripts/bootstrap.mjs'), join(root, 'scripts/bootstrap.mjs'))
})

function write(file: string, content: string): void {
  mkdirSync(join(root, file, '..'), { recursive: true })
  writeFileSync(join(root, file), content)
}

function lock(packages: Record<string, object>): string {
  return JSON.stringify({ packages: { '': {}, ...packages } })
}

const notes = () =>
  existsSync(join(root, 'calls')) ? readFileSync(join(root, 'calls'), 'utf8').trimEnd().split('\n') : []

/** Calls a function of the bootstrap in a process of its own, as the scripts do. */
function call(name: 'installPackages' | 'provideRedis' | 'build', env: Record<string, string> = {}) {
  const entry = pathToFileURL(join(root, 'scripts/bootstrap.mjs')).href
  const code = `const { ${name} } = await import('${entry}'); console.log('=', await ${name}())`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', code], {
    env: { PATH: process.env.PATH, ...env },
    encoding: 'utf8',
  })
  const [said, answer] = stdout.split('= ')
  return { said, answer: answer?.trim(), stderr }
}

describe('the npm packages', () => {
  const wanted = {
    'node_modules/left': { version: '1.0.0' },
    'node_modules/other': { version: '2.0.0', optional: true },
  }

  /** Notes how it was called, and leaves behind what `npm ci` does: the list of what is there now. */
  function npm(left: string): Record<string, string> {
    write(
      'npm.js',
      `const { appendFileSync, mkdirSync, writeFileSync } = require('node:fs')
       appendFileSync('calls', process.argv.slice(2).join(' ') + '\\n')
       mkdirSync('node_modules', { recursive: true })
       writeFileSync('node_modules/.package-lock.json', ${JSON.stringify(lock({ 'node_modules/left': { version: left } }))})`,
    )
    return { npm_execpath: join(root, 'npm.js') }
  }

  test('are installed once: a second run installs nothing', () => {
    write('package-lock.json', lock(wanted))
    const env = npm('1.0.0')
    expect(call('installPackages', env)).toMatchObject({ said: 'Installing the npm packages …\n', answer: 'true' })
    expect(notes()).toEqual(['ci --include=dev --no-audit --no-fund'])
    expect(call('installPackages', env)).toEqual({ said: '', answer: 'true', stderr: '' })
    expect(notes()).toHaveLength(1)
  })

  test('are installed again where the lock file asks for another version', () => {
    write('package-lock.json', lock(wanted))
    write('node_modules/.package-lock.json', lock({ 'node_modules/left': { version: '0.9.0' } }))
    call('installPackages', npm('1.0.0'))
    expect(notes()).toHaveLength(1)
  })

  test('that cannot be installed are told of', () => {
    write('package-lock.json', lock(wanted))
    write('npm.js', 'process.exit(1)')
    expect(call('installPackages', { npm_execpath: join(root, 'npm.js') }).answer).toBe('false')
  })
})

describe('a redis-server that is there', () => {
  test('is taken, and nothing is installed', () => {
    const local = pathToFileURL(join(repository, 'packages/local/dist/index.js')).href
    write('packages/local/dist/index.js', `export { findRedisServer } from '${local}'`)
    write('packages/local/package.json', '{ "type": "module" }')
    write('scripts/install-redis.sh', 'echo installed >>calls')
    for (const _run of ['first', 'second']) {
      expect(call('provideRedis')).toMatchObject({
        said: '',
        answer: expect.stringMatching(/redis-server$/),
        stderr: '',
      })
    }
    expect(notes()).toEqual([])
  })
})

describe('the build', () => {
  const compiler = 'node_modules/typescript/bin/tsc'
  const bundler = 'node_modules/rolldown/bin/cli.mjs'

  beforeEach(() => {
    mkdirSync(join(root, 'packages/keyplan'), { recursive: true })
    write(bundler, 'console.log("12 kB")')
  })

  test('says nothing when it succeeds', () => {
    write(compiler, 'console.log("compiled")')
    expect(call('build')).toEqual({ said: '', answer: 'true', stderr: '' })
  })

  test('shows what it had to say when it fails', () => {
    write(compiler, 'console.log("error TS1"); process.exit(1)')
    expect(call('build')).toEqual({ said: '', answer: 'false', stderr: 'error TS1\n' })
  })
})
