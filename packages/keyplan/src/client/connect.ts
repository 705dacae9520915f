import { realClock } from '../base/clock.ts'
import { KeyplanError } from '../base/error.ts'
import { keyMark } from '../base/key-mark.ts'
import type { ConnectOptions } from '../config/options.ts'
import type { Settings } from '../config/settings.ts'
import { createTally } from '../guard/tally.ts'
import type { Opened } from '../kinds/kind.ts'
import { withPrefix } from '../plan/define.ts'
import type { ParamValues } from '../plan/pattern/pattern.ts'
import { isPlan, type Namespaces, type Plan } from '../plan/plan.ts'
import type { Script } from '../redis/script.ts'
import type { Target } from '../redis/settings.ts'
import type { Client, ClientVerbs } from './client.ts'
import { type Connection, createConnection } from './connection.ts'
import { type Connections, createConnections, type Role, roleOf } from './connections.ts'
import { createEvents } from './events.ts'
import { type Kinds, kindsOf } from './kinds.ts'
import { openNamespaces, type Parts } from './namespaces.ts'
import { consoleLog, createReporter, safeLog } from './reporter.ts'
import { verbs } from './verbs.ts'

/**
 * Opens the client of a plan.
 *
 * Without a server in the options or in the environment it runs in memory and says so once; in production, and with
 * `start: 'required'`, that is an error unless `memory: true` asks for it.
 *
 * @throws KeyplanError CONFIG_INVALID before anything is opened; AUTH_FAILED, TLS_FAILED or UNSUPPORTED when the server
 * refuses; with `start: 'required'` also what kept it from connecting
 */
export async function connect<N extends Namespaces>(plan: Plan<N>, options: ConnectOptions = {}): Promise<Client<N>> {
  if (!isPlan(plan))
    throw new KeyplanError('PLAN_INVALID', 'connect() was not given a plan; make one with definePlan()')
  const settings = await settingsOf(options)
  checkQuorum(plan, settings)
  const prefixed = settings.prefix === undefined ? plan : withPrefix(plan, settings.prefix)
  const log = safeLog(options.log === false ? () => {} : (options.log ?? consoleLog))
  for (const warning of [...settings.warnings, ...prefixed.warnings]) log('warn', warning)
  for (const feature of disabledIn(settings)) log('info', `${feature} is switched off`)
  for (const line of replicaWarnings(prefixed, settings)) log('warn', line)
  if (!settings.targets)
    log(options.memory ? 'info' : 'warn', `no Redis is configured: ${plan.name} runs in this process alone`)

  const events = createEvents()
  const tally = createTally()
  let closed = false
  const kinds = await kindsOf(prefixed)
  const parts: Parts = { plan: prefixed, kinds, settings, events, tally, log, isClosed: () => closed }
  const connections = openConnections(parts)
  const namespaces = openNamespaces(parts, connections)
  const client = assemble<N>(
    prefixed,
    namespaces,
    verbs({ connections, events, tally, disabled: disabledIn(settings), listening, figuresOf }, closeAll),
  )

  function figuresOf(name: string): object {
    const figures = namespaces.get(name)?.figures?.()
    return figures ? { [prefixed.namespaces[name]!.kind]: figures } : {}
  }

  function listening(): string[] {
    const isCounted = (figures: object = {}) => Object.values(figures).some(figure => Number(figure) > 0)
    return [...namespaces].flatMap(([name, { figures }]) => (isCounted(figures?.()) ? [name] : []))
  }

  async function closeAll(): Promise<void> {
    try {
      await Promise.all([...namespaces.values()].map(namespace => namespace.close()))
    } finally {
      closed = true
      const open = connections ? [...connections.all, ...connections.quorum] : []
      await Promise.all(open.map(connection => connection.close()))
    }
  }
  // Some of them may be away; what keeps one from connecting is told as an event.
  for (const connection of connections?.quorum ?? []) connection.start().catch(() => {})
  try {
    await Promise.all(connections?.all.map(connection => connection.start()) ?? [])
  } catch (error) {
    await closeAll()
    throw error
  }
  return client
}

/** Loaded when they are needed: importing the client does not cost what reading a configuration does. */
async function settingsOf(options: ConnectOptions): Promise<Settings> {
  if (options?.config || options?.envFile) {
    const { loadSettings } = await import('../config/file/configuration.ts')
    return loadSettings(options, process.env)
  }
  const { resolveSettings } = await import('../config/settings.ts')
  return resolveSettings(options, process.env)
}

/** One connection for each server; undefined in memory mode. */
function openConnections({ plan, kinds, settings, events, tally, log, isClosed }: Parts): Connections | undefined {
  const { targets } = settings
  if (!targets) return undefined
  const openTo = (target: Target, scripts: readonly Script[]): Connection => {
    const connection: Connection = createConnection({
      settings,
      target,
      plan: plan.name,
      scripts,
      reporter: createReporter(events, log, () => connection.link.name, realClock),
      tally,
      clock: realClock,
      isClosed,
    })
    return connection
  }
  const open = (role: Role) =>
    openTo(targets[role], scriptsOf(plan, kinds, targets.cache === targets.durable ? undefined : role))
  const durable = open('durable')
  const cache = targets.cache === targets.durable ? durable : open('cache')
  const voters = needsQuorum(plan) ? (settings.quorum ?? []) : []
  const quorumScripts = [...kinds.values()].flatMap(kind => kind.quorumScripts ?? [])
  return createConnections(
    plan,
    { durable, cache },
    voters.map(target => openTo(target, quorumScripts)),
  )
}

const needsQuorum = (plan: Plan) => Object.values(plan.namespaces).some(({ facts }) => facts.quorum === true)

/** @throws KeyplanError CONFIG_INVALID */
function checkQuorum(plan: Plan, { targets, quorum }: Settings): void {
  if (!targets || quorum || !needsQuorum(plan)) return
  const [name] = Object.entries(plan.namespaces).find(([, { facts }]) => facts.quorum === true)!
  throw new KeyplanError(
    'CONFIG_INVALID',
    `${name} is declared with quorum, and no servers vote: set servers.quorum or REDIS_QUORUM_NODES`,
  )
}

const disabledIn = ({ features }: Settings) =>
  Object.entries(features).flatMap(([feature, isOn]) => (isOn ? [] : [feature as keyof Settings['features']]))

/** Namespaces that accept replicas where none can be asked. */
function replicaWarnings(plan: Plan, { targets }: Settings): string[] {
  if (!targets) return []
  const willing = Object.entries(plan.namespaces).filter(([, { facts }]) => facts.replica === true)
  return willing
    .filter(([, { durability }]) => !readsReplicas(targets[roleOf(durability)]))
    .map(([name]) => `${name} allows replicas and none is configured to be read: it reads the master (see readFrom)`)
}

const readsReplicas = ({ topology, replicas, readFrom }: Target) =>
  readFrom !== 'master' && (topology !== 'standalone' || replicas.length > 0)

/** Only the scripts of the kinds that the plan uses on a server. */
function scriptsOf(plan: Plan, kinds: Kinds, role: Role | undefined): Script[] {
  const here = Object.values(plan.namespaces).filter(({ durability }) => !role || roleOf(durability) === role)
  return [...new Set(here.map(({ kind }) => kind))].flatMap(kind => kinds.get(kind)?.scripts ?? [])
}

/** The verbs keep their getters, so that `$status` is read when it is asked for. */
function assemble<N extends Namespaces>(
  plan: Plan,
  namespaces: ReadonlyMap<string, Opened<unknown>>,
  own: ClientVerbs,
): Client<N> {
  for (const [name, pattern] of Object.entries(plan.patterns)) {
    const mark = (params: ParamValues) => keyMark(pattern.format(params))
    const common = { key: pattern.format, mark, pattern, declaration: plan.namespaces[name] }
    const value = Object.assign(namespaces.get(name)?.client ?? {}, common)
    Object.defineProperty(own, name, { value, enumerable: true })
  }
  return own as Client<N>
}
