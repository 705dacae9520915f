import { randomUUID } from 'node:crypto'
import { realClock } from '../base/clock.ts'
import { KeyplanError } from '../base/error.ts'
import type { ConnectOptions } from '../config/options.ts'
import { resolveSettings } from '../config/settings.ts'
import { createBareGuard, type Guard } from '../guard/guard.ts'
import type { Opened, Surroundings } from '../kinds/kind.ts'
import { withPrefix } from '../plan/define.ts'
import { isPlan, type Namespaces, type Plan } from '../plan/plan.ts'
import type { Script } from '../redis/script.ts'
import type { Client, ClientVerbs } from './client.ts'
import { closable } from './closable.ts'
import { type Connection, createConnection } from './connection.ts'
import { createEvents, type Events } from './events.ts'
import { kinds } from './kinds.ts'
import { consoleLog, createReporter, safeLog } from './reporter.ts'
import { verbs } from './verbs.ts'

/**
 * Opens the client of a plan.
 *
 * Without a server in the options or in `REDIS_URL` it runs in memory and says so once; in production that is an error
 * unless `memory: true` asks for it.
 *
 * @throws KeyplanError CONFIG_INVALID before anything is opened; AUTH_FAILED or UNSUPPORTED when the server refuses;
 * with `start: 'required'` also what kept it from connecting
 */
export async function connect<N extends Namespaces>(plan: Plan<N>, options: ConnectOptions = {}): Promise<Client<N>> {
  if (!isPlan(plan))
    throw new KeyplanError('PLAN_INVALID', 'connect() was not given a plan; make one with definePlan()')
  const settings = resolveSettings(options, process.env)
  const prefixed = settings.prefix === undefined ? plan : withPrefix(plan, settings.prefix)
  const events = createEvents()
  const log = safeLog(options.log ?? consoleLog)
  let closed = false
  const isClosed = () => closed
  for (const warning of prefixed.warnings) log('warn', warning)
  if (!settings.server)
    log(options.memory ? 'info' : 'warn', `no Redis is configured: ${plan.name} runs in this process alone`)

  const connection = settings.server
    ? createConnection(settings, plan.name, scriptsOf(prefixed), realClock, isClosed, server =>
        createReporter(server, events, log),
      )
    : undefined
  const namespaces = openNamespaces(prefixed, connection, closable(createBareGuard(), isClosed), events)
  const client = assemble<N>(namespaces, verbs(connection, events, closeAll))

  async function closeAll(): Promise<void> {
    try {
      await Promise.all([...namespaces.values()].map(namespace => namespace.close()))
    } finally {
      closed = true
      await connection?.link.close()
    }
  }
  try {
    await connection?.start()
  } catch (error) {
    await closeAll()
    throw error
  }
  return client
}

/** Only the scripts of the kinds the plan uses. */
function scriptsOf(plan: Plan): Script[] {
  const used = new Set(Object.values(plan.namespaces).map(declaration => declaration.kind))
  return [...used].flatMap(kind => kinds.get(kind)?.scripts ?? [])
}

function openNamespaces(
  plan: Plan,
  connection: Connection | undefined,
  bare: Guard,
  events: Events,
): Map<string, Opened<unknown>> {
  const common: Omit<Surroundings, 'name' | 'pattern'> = {
    clock: realClock,
    instance: randomUUID(),
    server: connection?.server,
    bare,
    notify: notice => events.tell('notice', notice),
  }
  const opened = new Map<string, Opened<unknown>>()
  for (const [name, declaration] of Object.entries(plan.namespaces)) {
    const pattern = plan.patterns[name]
    const kind = kinds.get(declaration.kind)
    if (kind && pattern) opened.set(name, kind.open(declaration, { ...common, name, pattern }))
  }
  return opened
}

/** The verbs keep their getters, so that `$status` is read when it is asked for. */
function assemble<N extends Namespaces>(namespaces: ReadonlyMap<string, Opened<unknown>>, own: ClientVerbs): Client<N> {
  for (const [name, { client }] of namespaces) Object.defineProperty(own, name, { value: client, enumerable: true })
  return own as Client<N>
}
