import { kindOf } from '../../base/error.ts'
import { likely } from '../../base/likely.ts'
import type { Variables } from '../environment.ts'
import { type Layer, readLayer } from '../layer.ts'
import { type Role, roles } from '../option-layer.ts'
import type { FileLayers } from '../sources.ts'
import { isGroup } from '../value.ts'
import { expandTree } from './expand.ts'
import { keyspaceWarnings } from './keyspace.ts'
import { type Leaves, leavesOf, pathsOfFile, pathsOfRole } from './tree.ts'

/** A value of a file, before its variables are put in. */
interface Leaf {
  readonly value: unknown
  readonly name: string
}

/** Names a group of a file may have besides its settings. */
const ofBase = ['servers', 'environments']
const ofEnvironment = ['servers']

/**
 * What a file says in one environment: its base, and what the environment lays over it, setting by setting.
 *
 * @param byName the environment was asked for by name, so it has to be there
 */
export function fileLayers(
  tree: unknown,
  file: string,
  environment: string,
  byName: boolean,
  { values }: Variables,
  problems: string[],
): FileLayers {
  const warnings: string[] = []
  const environments = isGroup(tree) && isGroup(tree.environments) ? tree.environments : {}
  const all = new Map<string, Leaf>()
  const ofRole = new Map<Role, Map<string, Leaf>>()

  function lay(part: unknown, place: string, besides: readonly string[], counts: boolean): void {
    const add = (onto: Map<string, Leaf>, leaves: Leaves, base: string, shown: string) => {
      for (const [path, value] of leaves) onto.set(path, { value, name: `${shown}${path.slice(base.length)}` })
    }
    const leaves = leavesOf(part, '', pathsOfFile, besides, place, problems)
    if (counts) add(all, leaves, '', place)
    const servers = isGroup(part) ? part.servers : undefined
    if (servers && !isGroup(servers)) {
      problems.push(`${place}servers is ${kindOf(servers)}; write a group with ${roles.join(' or ')}`)
    }
    for (const name of Object.keys(isGroup(servers) ? servers : {})) {
      const role = roles.find(each => each === name)
      if (!role && name !== 'quorum') problems.push(`${place}servers.${name} is no role; write ${roles.join(' or ')}`)
    }
    const quorum = isGroup(servers) ? servers.quorum : undefined
    if (counts && quorum !== undefined) all.set('servers.quorum', { value: quorum, name: `${place}servers.quorum` })
    for (const role of roles) {
      const server = isGroup(servers) ? servers[role] : undefined
      if (server === undefined || server === null) continue
      const shown = `${place}servers.${role}.`
      const own = leavesOf(server, 'redis.', pathsOfRole, [], shown, problems)
      if (!counts) continue
      const onto = ofRole.get(role) ?? new Map<string, Leaf>()
      ofRole.set(role, onto)
      add(onto, own, 'redis.', shown)
    }
  }

  lay(tree, `${file}: `, ofBase, true)
  const group = isGroup(tree) ? tree.environments : undefined
  if (group && !isGroup(group)) {
    problems.push(`${file}: environments is ${kindOf(group)}; write a group of them by their names`)
  }
  // All of them are looked at: a slip in production is found in development.
  for (const [name, part] of Object.entries(environments)) {
    lay(part, `${file}: environments.${name}.`, ofEnvironment, name === environment)
  }
  const known = Object.keys(environments)
  if (known.length > 0 && !known.includes(environment)) {
    const meant = likely(environment, known)
    const sentence = `${file} has no environment ${environment}${meant ? `; did you mean ${meant}?` : `, only ${known.join(', ')}`}`
    if (byName) problems.push(sentence)
    else if (environment === 'production') warnings.push(`${sentence}: only its base counts`)
  }
  const layerOf = (leaves: Map<string, Leaf>) => expandedLayer(leaves, name => values[name], problems, warnings)
  const layer = layerOf(all)
  warnings.push(...keyspaceWarnings(layer, file))
  return { layer, roles: Object.fromEntries([...ofRole].map(([role, leaves]) => [role, layerOf(leaves)])), warnings }
}

function expandedLayer(
  leaves: Map<string, Leaf>,
  variable: (name: string) => string | undefined,
  problems: string[],
  warnings: string[],
): Layer {
  const unset = new Map<string, readonly string[]>()
  const layer = readLayer(
    path => leaves.has(path),
    ({ path }) => {
      const { value, name } = leaves.get(path)!
      const raw = expandTree(value, variable, (names, partly) => {
        unset.set(path, names)
        if (partly) warnings.push(`${name} is written with ${names.join(', ')}, which is not set`)
      })
      return [{ raw, name, byCode: false }]
    },
    problems,
  )
  return { ...layer, unset: path => unset.get(path) ?? [] }
}
