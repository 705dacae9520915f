import { checkOptions } from '../../base/call.ts'
import { KeyplanError } from '../../base/error.ts'
import type { Guarded } from '../../guard/guarded.ts'
import { decoding } from '../../mechanisms/log/decoding.ts'
import type { LogEntry } from '../../mechanisms/log/entry.ts'
import { createFollowings } from '../../mechanisms/log/followings.ts'
import type { Log, LogNews } from '../../mechanisms/log/log.ts'
import type { ParamValues } from '../../plan/pattern/pattern.ts'
import type { Opened, Surroundings } from '../kind.ts'
import type { Registry, RegistryEntry, RegistryEvent, RegistryNamespace } from './contract.ts'
import type { Counting } from './figures.ts'
import { openQueries } from './finding/queries.ts'
import type { JoinOptions } from './membership/contract.ts'
import { createHub, type Hub } from './membership/hub.ts'
import { createJoining } from './membership/joining.ts'
import type { Mirror } from './membership/mirror.ts'
import type { RegistryNames } from './names.ts'
import { eventOf, memberOf } from './record.ts'
import type { RegistrySettings } from './settings.ts'
import type { Found, Place, RegistryStore, Unknown } from './store.ts'

interface Parts extends Pick<Surroundings, 'name' | 'clock' | 'instance' | 'announcing' | 'notify'> {
  readonly settings: RegistrySettings
  readonly names: RegistryNames
  readonly steps: Guarded<RegistryStore>
  readonly log: Guarded<Pick<Log, 'range'>>
  readonly news: LogNews
  readonly counting: Counting
  /** Undefined where members are not mirrored. */
  mirror: ((keyOf: (id: string) => string) => Mirror) | undefined
}

type Namespace = RegistryNamespace<string, unknown, unknown, string, Unknown>

/** How long closing waits for its members to leave, in milliseconds. */
const closeMs = 1_000

export function openRegistries(parts: Parts): Opened<Namespace> {
  const { name, clock, announcing, settings, names, steps, log, news, counting } = parts
  const { codec, index, param } = settings
  const hubs = new Map<string, Hub>()
  const joining = createJoining(parts)
  const member = decoding((found: Found) => memberOf(codec, found), counting)
  const decode = decoding((entry: LogEntry): RegistryEvent => eventOf(codec, entry), counting)
  const followings = createFollowings({ namespace: name, clock, steps: log, news, decode, counting })

  const placeOf = (params: ParamValues): Place => ({ key: names.main(params), announcement: announcing?.(params) })

  function hubOf(params: ParamValues): Hub {
    const place = placeOf(params)
    const known = hubs.get(place.key)
    if (known) return known
    const hub = createHub(parts, {
      place,
      mirror: parts.mirror?.(id => names.mirror({ ...params, [param]: id })),
      idle() {
        if (hubs.get(place.key) === hub) hubs.delete(place.key)
      },
    })
    hubs.set(place.key, hub)
    return hub
  }

  function entry(params: ParamValues): RegistryEntry<unknown, unknown, Unknown> {
    const place = placeOf(params)
    const id = String(params[param])
    if (id === '') {
      const message = `the parameter '${param}' is empty; give a member a name`
      throw new KeyplanError('PARAM_INVALID', message, { namespace: name })
    }
    return {
      join: async (options = {} as JoinOptions<unknown>) => joining.join(() => hubOf(params), id, options),
      async get(options = {}) {
        checkOptions(options)
        const found = await steps.get(options, place, id)
        return found === 'unknown' ? found : found && member(found)
      },
    }
  }

  function open(params: ParamValues): Registry<unknown, string, Unknown> {
    const place = placeOf(params)
    return {
      ...openQueries(place, { index, steps, member }),
      follow: (options = {}) => followings.follow(names.keys(place.key).log, options, () => hubOf(params).watch()),
    }
  }

  const only = names.isOne ? open({}) : { in: (params: ParamValues) => open(params) }
  return {
    client: Object.assign(entry, only) as Namespace,
    figures: () => ({ members: [...hubs.values()].reduce((sum, { size }) => sum + size, 0), ...counting }),
    async close() {
      joining.close()
      followings.close()
      await Promise.all([...hubs.values()].map(hub => hub.close(closeMs)))
    },
  }
}
