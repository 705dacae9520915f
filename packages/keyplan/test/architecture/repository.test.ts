import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../../..', import.meta.url))

/** Made by tools, or a person's own: never part of the project. */
const foreign = /^(node_modules|dist|\.git|coverage|\.keyplan|\.env(\..+)?)$/

function filesUnder(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter(({ name }) => !foreign.test(name))
    .flatMap(entry => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return filesUnder(path)
      return entry.isFile() ? [path] : []
    })
}

const files = filesUnder('')
const read = (file: string) => readFileSync(join(root, file), 'utf8')

interface Locked {
  readonly resolved?: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const { packages }: { packages: Readonly<Record<string, Locked>> } = JSON.parse(read('package-lock.json'))

test('package-lock.json holds no download addresses, so any registry serves', () => {
  expect(Object.keys(packages).length).toBeGreaterThan(10)
  const addresses = Object.entries(packages).filter(([, { resolved }]) => resolved?.includes(':'))
  expect(addresses).toEqual([])
})

test('package-lock.json holds what other platforms need, so npm ci works on each of them', () => {
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      name => !(`${path}/node_modules/${name}` in packages) && !(`node_modules/${name}` in packages),
    ),
  )
  expect(missing).toEqual([])
})

test('no file names the host of a package registry', () => {
  // Put together here, so that this file is no exception.
  const hosts = new RegExp(['registry', '(npmjs|yarnpkg|npmmirror)', '(org|com)'].join('\\.'), 'i')
  expect(files).toContain('package-lock.json')
  expect(files.filter(file => hosts.test(read(file)))).toEqual([])
})

const manifests = files.filter(file => /^packages\/[^/]+\/package\.json$/.test(file))

test.each(manifests)('every export of %s is there after the build', manifest => {
  const { exports = {} }: { exports?: Record<string, string | Record<string, string>> } = JSON.parse(read(manifest))
  const targets = Object.values(exports).flatMap(target =>
    typeof target === 'string' ? target : Object.values(target),
  )
  expect(targets.length).toBeGreaterThan(0)
  expect(targets.filter(target => !existsSync(join(root, manifest, '..', target)))).toEqual([])
})
