import { checkOptions } from '../../base/call.ts'
import { KeyplanError, kindOf, shown } from '../../base/error.ts'
import type { Guarded } from '../../guard/guarded.ts'
import type { LogEntry } from '../../mechanisms/log/entry.ts'
import { createFollowings } from '../../mechanisms/log/followings.ts'
import type { Log, LogNews } from '../../mechanisms/log/log.ts'
import type { ParamValues } from '../../plan/pattern/pattern.ts'
import type { Opened, Surroundings } from '../kind.ts'
import type {
  FindOptions,
  JoinOptions,
  PickOptions,
  Registry,
  RegistryEntry,
  RegistryEvent,
  RegistryMember,
  RegistryNamespace,
} from './contract.ts'
import type { Counting } from './figures.ts'
import { createHub, type Hub } from './hub.ts'
import { type Contents, createMember, type Member } from './membership.ts'
import type { Mirror } from './mirror.ts'
import type { RegistryNames } from './names.ts'
import { eventOf, headOf, loadText, memberOf, metadataText } from './record.ts'
import type { RegistrySettings } from './settings.ts'
import type { Entry, Found, Place, RegistryStore, Unknown } from './store.ts'
import { checkCapabilities, checkLoad, fieldsOf, queryTerms, termsOf } from './terms.ts'

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

const defaultLimit = 100
const longestLimit = 1_000
const longestPage = 500

/** How long closing waits for its members to leave, in milliseconds. */
const closeMs = 1_000

export function openRegistries(parts: Parts): Opened<Namespace> {
  const { name, clock, instance, announcing, notify, settings, names, steps, log, news, counting } = parts
  const { codec, index, param } = settings
  const hubs = new Map<string, Hub>()
  let tokens = 0
  let closed = false

  function decoded<T, Read>(read: (of: T) => Read, of: T): Read | undefined {
    try {
      return read(of)
    } catch {
      counting.undecodable++
      return undefined
    }
  }
  const member = (found: Found) => decoded(each => memberOf(codec, each), found)
  const members = (found: readonly Found[]) => found.flatMap(each => member(each) ?? [])
  const followings = createFollowings<RegistryEvent>({
    namespace: name,
    clock,
    steps: log,
    news,
    decode: (entry: LogEntry) => decoded(each => eventOf(codec, each), entry),
    counting,
  })

  function hubOf(params: ParamValues): Hub {
    const place = placeOf(params)
    const known = hubs.get(place.key)
    if (known) return known
    const hub = createHub({
      name,
      clock,
      notify,
      place,
      settings,
      steps,
      counting,
      mirror: parts.mirror?.(id => names.mirror({ ...params, [param]: id })),
      idle() {
        if (hubs.get(place.key) === hub) hubs.delete(place.key)
      },
    })
    hubs.set(place.key, hub)
    return hub
  }
  const placeOf = (params: ParamValues): Place => ({ key: names.main(params), announcement: announcing?.(params) })

  const misuse = (message: string) => new KeyplanError('PARAM_INVALID', message, { namespace: name })

  /** What is written of a member. */
  function entryOf(id: string, token: string, { capabilities = [], metadata, load = 0 }: Contents): Entry {
    if (!codec && metadata !== undefined) {
      throw misuse(`metadata is ${kindOf(metadata)}, and ${name} declares none; declare metadata with a codec`)
    }
    const able = checkCapabilities(capabilities)
    return {
      id,
      token,
      load: loadText(checkLoad(load)),
      metadata: metadataText(codec, metadata),
      terms: termsOf(able, fieldsOf(index, metadata)),
      head: headOf(id, able),
    }
  }

  async function join(params: ParamValues, id: string, given: JoinOptions<unknown>) {
    checkOptions(given, ['capabilities', 'metadata', 'load', 'rejoined'])
    const { signal, deadline, rejoined, ...contents } = given
    if (rejoined !== undefined && typeof rejoined !== 'function') {
      throw misuse(`rejoined is ${kindOf(rejoined)}; give a function`)
    }
    if (closed) throw new KeyplanError('CLOSED', 'The client is closed', { namespace: name, operation: 'join' })
    const token = `${instance}/${(++tokens).toString(36)}`
    const entry = entryOf(id, token, contents as Contents)
    const begun = clock.now()
    await hubOf(params).put('join', entry, { ...(signal && { signal }), ...(deadline && { deadline }) })
    // The last member may have left meanwhile, and the hub with it.
    const hub = hubOf(params)
    const joined: Member = createMember({
      namespace: name,
      clock,
      leaseMs: settings.leaseMs,
      entry,
      begun,
      contents: contents as Contents,
      rejoined,
      entryOf: next => entryOf(id, token, next),
      write: (next, options) => hub.change(joined, next, options),
      leave: options => hub.leave(joined, options),
      health: () => hub.health,
      ended: () => hub.remove(joined),
    })
    counting.joined++
    hub.add(joined)
    if (closed) {
      await joined.leave({ deadline: '1s' }).catch(() => {})
      throw new KeyplanError('CLOSED', 'The client is closed', { namespace: name, operation: 'join' })
    }
    await hub.mirror?.write(entry)
    return joined
  }

  function entry(params: ParamValues): RegistryEntry<unknown, unknown, Unknown> {
    const place = placeOf(params)
    const id = String(params[param])
    if (id === '') throw misuse(`the parameter '${param}' is empty; give a member a name`)
    return {
      join: async (options = {} as JoinOptions<unknown>) => join(params, id, options),
      async get(options = {}) {
        checkOptions(options)
        const found = await steps.get(options, place, id)
        return found === 'unknown' ? found : found && member(found)
      },
    }
  }

  async function list(place: Place, terms: readonly string[], options: object): Promise<RegistryMember[] | Unknown> {
    const all: RegistryMember[] = []
    let after: string | undefined
    for (;;) {
      const page = await steps.find(options, place, { terms, order: 'id', limit: longestPage, after })
      if (page === 'unknown') return page
      all.push(...members(page))
      if (page.length < longestPage) return all
      after = (JSON.parse(`{${page.at(-1)!.head}}`) as { id: string }).id
    }
  }

  function open(params: ParamValues): Registry<unknown, string, Unknown> {
    const place = placeOf(params)
    return {
      async find(query, options = {}) {
        const { limit = defaultLimit, after, order = 'id', ...call } = checkFind(options)
        const found = await steps.find(call, place, { terms: queryTerms(query, index), order, limit, after })
        return found === 'unknown' ? found : members(found)
      },
      async list(query, options = {}) {
        checkOptions(options)
        return list(place, queryTerms(query, index), options)
      },
      async pick(query, options = {}) {
        const { by = 'turn', ...call } = checkPick(options)
        const order = by === 'load' ? 'load' : 'id'
        const found = await steps.pick(call, place, { terms: queryTerms(query, index), order })
        return found === 'unknown' ? found : found && member(found)
      },
      async count(query, options = {}) {
        checkOptions(options)
        return steps.count(options, place, queryTerms(query, index))
      },
      follow: (options = {}) => followings.follow(names.keys(place.key).log, options, () => hubOf(params).watch()),
    }
  }

  const only = names.isOne ? open({}) : { in: (params: ParamValues) => open(params) }
  return {
    client: Object.assign(entry, only) as Namespace,
    figures: () => ({ members: [...hubs.values()].reduce((sum, { size }) => sum + size, 0), ...counting }),
    async close() {
      closed = true
      followings.close()
      await Promise.all([...hubs.values()].map(hub => hub.close(closeMs)))
    },
  }
}

const refusal = (message: string) => new KeyplanError('PARAM_INVALID', message)

/** @throws KeyplanError PARAM_INVALID */
function checkFind(options: FindOptions): FindOptions {
  checkOptions(options, ['limit', 'after', 'order'])
  const { limit, after, order } = options
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 1 && limit <= longestLimit)) {
    throw refusal(`limit is ${shown(limit)}; give a whole number from 1 to ${longestLimit}, or list all`)
  }
  if (after !== undefined && typeof after !== 'string')
    throw refusal(`after is ${kindOf(after)}; give the id of a member`)
  if (order !== undefined && order !== 'id' && order !== 'load') {
    throw refusal(`order is ${shown(order)}; use 'id' or 'load'`)
  }
  if (after !== undefined && order === 'load') throw refusal('after goes with the order of ids; leave one of them out')
  return options
}

/** @throws KeyplanError PARAM_INVALID */
function checkPick(options: PickOptions): PickOptions {
  checkOptions(options, ['by'])
  const { by } = options
  if (by === undefined || by === 'turn' || by === 'load') return options
  throw refusal(`by is ${shown(by)}; use 'turn' or 'load'`)
}
