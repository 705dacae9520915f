import { bigintsAsText } from '../base/bigint-text.ts'
import { realClock } from '../base/clock.ts'
import type { Settings } from '../config/settings.ts'
import { createBareGuard, type Guard } from '../guard/guard.ts'
import type { Tally } from '../guard/tally.ts'
import type { Announcing, Kind, Notice, Opened, Surroundings } from '../kinds/kind.ts'
import { createLocalServer } from '../mechanisms/log/local.ts'
import type { Declaration } from '../plan/declaration.ts'
import type { Plan } from '../plan/plan.ts'
import { closable } from './closable.ts'
import { type Connections, roleOf } from './connections.ts'
import type { Events } from './events.ts'
import { instanceName } from './instance-name.ts'
import type { Kinds } from './kinds.ts'
import type { Log } from './reporter.ts'

/** What a client is put together from. */
export interface Parts {
  readonly plan: Plan
  readonly kinds: Kinds
  readonly settings: Settings
  readonly events: Events
  readonly tally: Tally
  readonly log: Log
  isClosed(): boolean
}

/** Opens every namespace of the plan over the server that its role has. */
export function openNamespaces(
  { plan, kinds, settings, events, tally, log, isClosed }: Parts,
  connections: Connections | undefined,
): Map<string, Opened<unknown>> {
  const bare: Guard = closable(createBareGuard(tally), isClosed)
  const common: Omit<Surroundings, 'name' | 'pattern' | 'server' | 'announcing' | 'quorum'> = {
    clock: realClock,
    instance: instanceName(),
    bare,
    local: connections ? undefined : createLocalServer(realClock),
    notify(notice) {
      events.tell('notice', bigintsAsText(notice as Notice))
      if (notice.warning !== undefined) log('warn', notice.warning)
    },
  }
  const isOff = ({ feature }: Kind) => feature !== undefined && !settings.features[feature]
  /** On a channel that is switched off nothing is announced. */
  function announcingOf({ announce }: Declaration): Announcing | undefined {
    const target = announce === undefined ? undefined : plan.namespaces[announce]
    const kind = target && kinds.get(target.kind)
    return kind && !isOff(kind) ? kind.announcing?.(target, plan.patterns[announce!]!) : undefined
  }
  const quorum = connections?.quorum.map(({ server }) => server)
  const opened = new Map<string, Opened<unknown>>()
  for (const [name, declaration] of Object.entries(plan.namespaces)) {
    const pattern = plan.patterns[name]
    const kind = kinds.get(declaration.kind)
    if (!kind || !pattern) continue
    const server = connections?.of(roleOf(declaration.durability)).server
    const surroundings = { ...common, name, pattern, server, quorum, announcing: announcingOf(declaration) }
    opened.set(name, (isOff(kind) && kind.openDisabled ? kind.openDisabled : kind.open)(declaration, surroundings))
  }
  return opened
}
