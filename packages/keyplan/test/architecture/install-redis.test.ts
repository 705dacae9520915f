import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'

const script = fileURLToPath(new URL('../../../../scripts/install-redis.sh', import.meta.url))

/** What the script needs of the system, and nothing that could install anything on it. */
const tools = ['sh', 'chmod', 'dirname', 'flock', 'grep', 'mv', 'rm', 'true']

let folder: string
let policy: string

function pathOf(tool: string): string {
  const found = (process.env.PATH ?? '')
    .split(delimiter)
    .map(place => join(place, tool))
    .find(file => existsSync(file))
  if (found === undefined) throw new Error(`${tool} is not on the PATH`)
  return found
}

/** A program that notes its name and arguments, one line a call, and then does as it is told. */
function stand(name: string, then = ''): void {
  const file = join(folder, name)
  writeFileSync(file, `#!/bin/sh\necho "${name} $*" >>"${join(folder, 'calls')}"\n${then}\n`)
  chmodSync(file, 0o755)
}

function calls(): string[] {
  const file = join(folder, 'calls')
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : []
}

function install(manager = '') {
  const { status, stderr } = spawnSync('sh', [script, manager, policy], {
    env: { PATH: folder },
    encoding: 'utf8',
  })
  return { status, stderr }
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyplan-install-'))
  policy = join(folder, 'policy-rc.d')
  for (const tool of tools) symlinkSync(pathOf(tool), join(folder, tool))
  stand('id', 'echo 0')
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
})

const isInstallation = (call: string) => / (install|add) /.test(call)

describe('the package manager', () => {
  test.each([
    ['apt-get', 'apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends redis-server'],
    ['dnf', 'dnf install -y redis'],
    ['apk', 'apk add --no-cache redis'],
    ['brew', 'brew install redis'],
  ])('%s is chosen where it is the only one', (manager, command) => {
    stand(manager)
    expect(install()).toEqual({ status: 0, stderr: '' })
    expect(calls().filter(isInstallation)).toEqual([command])
    // Nothing starts a service, under whatever name.
    expect(calls().join('\n')).not.toMatch(/\b(start|restart|services|enable|--now)\b/)
  })

  test('the first of several is chosen, and one that is named before it', () => {
    for (const manager of ['apt-get', 'dnf', 'brew']) stand(manager)
    install()
    expect(calls().filter(isInstallation)).toEqual([expect.stringMatching(/^apt-get /)])
    install('brew')
    expect(calls().at(-1)).toBe('brew install redis')
  })

  test('where there is none, one line says so', () => {
    expect(install()).toEqual({
      status: 69,
      stderr:
        'redis-server is missing, and there is no apt-get, dnf, apk or brew to install it with; install Redis 7.0 or newer by hand.\n',
    })
  })

  test('that is not known is refused', () => {
    expect(install('pacman')).toMatchObject({ status: 64, stderr: expect.stringContaining('"pacman"') })
  })

  test('that fails is told in a line with the command to try, after its own words', () => {
    stand('apk', 'echo "no network" >&2; exit 7')
    expect(install()).toEqual({
      status: 69,
      stderr: 'no network\nredis-server is missing: apk failed. Install it with:  apk add redis\n',
    })
  })

  test('dnf takes the package of another name where redis is not to be had', () => {
    stand('dnf', 'case "$*" in *valkey*) exit 0 ;; *) exit 1 ;; esac')
    expect(install().status).toBe(0)
    expect(calls()).toContain('dnf install -y valkey-compat-redis')
  })
})

describe('who is not root', () => {
  beforeEach(() => stand('id', 'echo 1000'))

  test('becomes it where sudo asks nothing', () => {
    stand('apk')
    stand('sudo', 'shift; exec "$@"')
    expect(install()).toEqual({ status: 0, stderr: '' })
    expect(calls()).toContain(`sudo -n sh ${script} apk ${policy}`)
    expect(calls().at(-1)).toBe('apk add --no-cache redis')
  })

  test('is told the command where sudo asks for a password, and nothing is tried', () => {
    stand('apk')
    stand('sudo', 'exit 1')
    const stderr = 'redis-server is missing. Install it with:  sudo apk add redis\n'
    expect(install()).toEqual({ status: 77, stderr })
    expect(calls().filter(isInstallation)).toEqual([])
  })

  test('needs no sudo for brew', () => {
    stand('brew')
    expect(install()).toEqual({ status: 0, stderr: '' })
    expect(calls()).toEqual(['brew install redis'])
  })
})

describe('a Debian package', () => {
  /** As the scripts of a package do: asks the policy whether a service may be started, and starts it if so. */
  const packageThatAsks = (code = 0) =>
    stand(
      'apt-get',
      `case "$*" in *install*)
         if "${policy}" redis-server start; then echo started; else echo "denied with $?"; fi >>"${join(folder, 'calls')}" ;;
       esac
       exit ${code}`,
    )

  test('asks whether it may start its service, and may not, nor at the next boot', () => {
    packageThatAsks()
    stand('systemctl')
    expect(install()).toEqual({ status: 0, stderr: '' })
    expect(calls()).toContain('denied with 101')
    expect(calls().at(-1)).toBe('systemctl disable --quiet redis-server.service')
    expect(existsSync(policy)).toBe(false)
  })

  test.each([0, 100])('leaves the policy of the machine as it was, with exit code %s', code => {
    writeFileSync(policy, '#!/bin/sh\nexit 104\n', { mode: 0o755 })
    packageThatAsks(code)
    expect(install().status).toBe(code === 0 ? 0 : 69)
    expect(calls()).toContain('denied with 101')
    expect(readFileSync(policy, 'utf8')).toBe('#!/bin/sh\nexit 104\n')
  })

  test('is not installed again where somebody else has done it meanwhile', () => {
    stand('apt-get')
    stand('redis-server')
    expect(install()).toEqual({ status: 0, stderr: '' })
    expect(calls().filter(isInstallation)).toEqual([])
  })
})
