import { type CallOptions, checkOptions } from '../../base/call.ts'
import { durationMs } from '../../base/duration.ts'
import { KeyplanError, kindOf, shown } from '../../base/error.ts'
import type { Guarded } from '../../guard/guarded.ts'
import type { Wake } from '../../mechanisms/wake.ts'
import type { ParamValues } from '../../plan/pattern/pattern.ts'
import type { Opened, Surroundings } from '../kind.ts'
import { createAccess, type Found } from './access.ts'
import { type Binding, type BindOptions, createBindings, type SessionSocket } from './binding.ts'
import { createContents } from './change.ts'
import type {
  CreateOptions,
  ReadOptions,
  RotateOptions,
  Session,
  SessionChange,
  SessionEntry,
  SessionNamespace,
  UpdateOptions,
} from './contract.ts'
import { createDrafts, tooLate } from './drafts.ts'
import { createEndings } from './endings.ts'
import { isId, newId } from './id.ts'
import type { SessionNames } from './names.ts'
import { createReads } from './reads.ts'
import { createRefresh } from './refresh.ts'
import { createRotate } from './rotation.ts'
import { createSaves } from './saves.ts'
import { longestGrace, type SessionSettings } from './settings.ts'
import { createSnapshots } from './snapshot.ts'
import type { Reading, SessionStore } from './store.ts'
import { attempt, createUserLists } from './users.ts'

interface SessionParts {
  readonly settings: SessionSettings
  readonly names: SessionNames
  readonly steps: Guarded<SessionStore>
  readonly wakes: readonly Wake[]
  /** Milliseconds since the epoch on the clock of the server that has the key. */
  readonly time: (key: string) => number
  readonly surroundings: Pick<Surroundings, 'clock' | 'server'>
}

/** What the user touches: `redis.<namespace>`. */
export function openSessions(parts: SessionParts): Opened<SessionNamespace> {
  const { settings, names, steps, wakes, time, surroundings } = parts
  const { clock, server } = surroundings
  const reads = createReads(steps, { ttlMs: settings.ttlMs, everyMs: settings.touchEveryMs }, server?.lane)
  const refresh = createRefresh({ settings, steps, note: (user, key, end) => lists.note(user, key, end), time })
  const access = createAccess(reads, refresh.used)
  const snapshots = createSnapshots(settings, names)
  const endings = createEndings(steps, time)
  const contents = createContents(settings)
  const lists = createUserLists({ settings, names, steps, access, endings, snapshots })
  const drafts = createDrafts(settings, lists)
  const saves = createSaves({ steps, access, contents, drafts, lists, time })
  const rotate = createRotate({ steps, access, contents, drafts, lists, time })
  const bindings = createBindings({ settings, names, access, wakes, clock })

  /** One session. A class, since one is made for every call and its methods must not be. */
  class Entry implements SessionEntry<object, unknown> {
    readonly #id: string
    /** Undefined when no session can be called so. */
    readonly #key: string | undefined
    #known: Found | undefined

    constructor(id: unknown) {
      this.#id = idText(id)
      this.#key = isId(this.#id) ? names.key(this.#id) : undefined
    }

    #shown = (reading: Reading, key: string) => {
      const found = access.shown(reading, key, true, undefined)
      return found instanceof Promise ? found.then(this.#given) : this.#given(found)
    }

    #given = (found: Found | undefined): Session | undefined => {
      this.#known = found
      return found && snapshots.session(this.#id, found)
    }

    read(options?: ReadOptions): Promise<Session | undefined> {
      if (this.#key === undefined) return Promise.resolve(undefined)
      if (options === undefined) return reads.one(this.#key, true, undefined, this.#shown)
      return this.#readBy(this.#key, options)
    }

    async #readBy(key: string, options: ReadOptions): Promise<Session | undefined> {
      checkOptions(options, ['touch'])
      const { touch = true, ...terms } = options
      return this.#given(await access.find(key, touch, terms))
    }

    async update(change: SessionChange<object, unknown>, options?: UpdateOptions): Promise<Session | undefined> {
      if (options !== undefined) checkOptions(options, ['ifVersion', 'replace', 'device'])
      const { ifVersion, replace = false, device, ...terms } = options ?? {}
      if (ifVersion !== undefined && !Number.isSafeInteger(ifVersion)) {
        throw new KeyplanError('PARAM_INVALID', `ifVersion is ${shown(ifVersion)}; give the version of a session`)
      }
      if (this.#key === undefined) return undefined
      reads.flush()
      const save = { change: change as SessionChange<object>, replace, device, ifVersion }
      return this.#given(await saves.save(this.#known?.key ?? this.#key, this.#known, save, terms))
    }

    async touch(options?: CallOptions): Promise<boolean> {
      if (options !== undefined) checkOptions(options)
      return this.#key !== undefined && (await access.find(this.#key, true, options)) !== undefined
    }

    async rotate(options?: RotateOptions<object, unknown>): Promise<Session | undefined> {
      if (options !== undefined) checkOptions(options, ['change', 'device', 'grace'])
      const { change, device, grace, ...terms } = options ?? {}
      const graceMs = graceOf(grace, settings.graceMs)
      if (this.#key === undefined) return undefined
      reads.flush()
      const id = newId()
      const moving = { change: change as SessionChange<object> | undefined, replace: false, device }
      const moved = await rotate(this.#known, this.#key, names.key(id), moving, graceMs, terms)
      this.#known = undefined
      return moved && snapshots.session(id, moved)
    }

    async destroy(options?: CallOptions): Promise<boolean> {
      if (options !== undefined) checkOptions(options)
      if (this.#key === undefined) return false
      reads.flush()
      const known = this.#known
      this.#known = undefined
      const ended = await endings.endAt(known?.key ?? this.#key, options)
      if (ended?.record.user !== undefined) await attempt(lists.strike(ended.record.user, [ended.key]))
      return ended !== undefined
    }

    bind(socket: SessionSocket, options?: BindOptions): Binding {
      return bindings.bind(this.#key, socket, options)
    }
  }

  async function create(data: unknown, options?: CreateOptions): Promise<Session> {
    if (options !== undefined) checkOptions(options, ['device', 'id'])
    const { device, id = newId(), ...terms } = options ?? {}
    if (!isId(id)) throw new KeyplanError('PARAM_INVALID', `id is ${kindOf(id)} that cannot be one; leave it out`)
    const key = names.key(id)
    const content = contents.of(data, device)
    const { draft, created, settle } = await drafts.prepare(key, content, undefined, time(key))
    const begun = await steps.create(terms, key, draft)
    if (begun.is === 'late') throw tooLate()
    if (begun.is === 'found') {
      throw new KeyplanError('PARAM_INVALID', 'A session by this id is there or was; leave the id out', {
        outcome: 'not-executed',
      })
    }
    await attempt(settle())
    const { seen, until, degraded } = begun
    const record = { version: 1, seen, until, created, ...content }
    return snapshots.session(id, { key, record, degraded: degraded === true })
  }

  const client: SessionNamespace<string, object, unknown> = Object.assign(
    (params: ParamValues) => new Entry(params?.[settings.param]),
    { create, newId, user: lists.of },
  )
  const close = async () => {
    bindings.close()
    await refresh.settled()
  }
  return { client: client as SessionNamespace, close }
}

function idText(id: unknown): string {
  if (typeof id === 'string') return id
  if (typeof id === 'number') return String(id)
  throw new KeyplanError('PARAM_INVALID', `the id of a session is ${kindOf(id)}; give what the cookie holds`)
}

function graceOf(grace: unknown, declared: number): number {
  if (grace === undefined) return declared
  if (grace === false) return 0
  const ms = durationMs(grace as '1s', 'grace', shown)
  if (ms <= longestGrace) return ms
  throw new KeyplanError('PARAM_INVALID', `grace is ${shown(grace)}; it is at most 5m, or false`)
}
