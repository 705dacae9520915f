import { type CallOptions, checkOptions } from '../../base/call.ts'
import { durationMs } from '../../base/duration.ts'
import { KeyplanError, kindOf, shown } from '../../base/error.ts'
import type { Access, Found } from './access.ts'
import { attempt } from './attempt.ts'
import type { Binding, Bindings, BindOptions, SessionSocket } from './binding.ts'
import type { ReadOptions, RotateOptions, Session, SessionChange, SessionEntry, UpdateOptions } from './contract.ts'
import type { Endings } from './endings.ts'
import { isId, newId } from './id.ts'
import type { SessionNames } from './names.ts'
import type { Naming } from './naming.ts'
import type { Reads } from './reads.ts'
import type { Rotate } from './rotation.ts'
import type { Saves } from './saves.ts'
import { longestGrace, type SessionSettings } from './settings.ts'
import type { Snapshots } from './snapshots.ts'
import type { Reading } from './store.ts'
import type { UserLists } from './user-lists.ts'

interface EntryParts {
  readonly settings: Pick<SessionSettings, 'graceMs'>
  readonly names: Pick<SessionNames, 'key'>
  readonly reads: Reads
  readonly access: Access
  readonly saves: Saves
  readonly rotate: Rotate
  readonly endings: Pick<Endings, 'endAt'>
  readonly lists: Pick<UserLists, 'strike'>
  readonly bindings: Pick<Bindings, 'bind'>
  readonly snapshots: Pick<Snapshots, 'session'>
  readonly naming: Naming
}

/** What the user touches for one id: `redis.<namespace>({ … })`. */
export function createEntries(parts: EntryParts): (id: unknown) => SessionEntry<object, unknown> {
  const { settings, names, reads, access, saves, rotate, endings, lists, bindings, snapshots, naming } = parts

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

    #ask(key: string, touch: boolean, options: CallOptions | undefined): Promise<Session | undefined> {
      return reads.one(key, touch, options, (reading, at) => this.#shown(reading, at, touch, options))
    }

    #shown(
      reading: Reading,
      key: string,
      touch: boolean,
      options: CallOptions | undefined,
    ): Session | undefined | Promise<Session | undefined> {
      const found = access.shown(reading, key, touch, options)
      return found instanceof Promise ? found.then(one => this.#given(one)) : this.#given(found)
    }

    #given(found: Found | undefined): Session | undefined {
      this.#known = found
      return found && snapshots.session(this.#id, found)
    }

    read(options?: ReadOptions): Promise<Session | undefined> {
      if (this.#key === undefined) return Promise.resolve(undefined)
      if (options === undefined) return this.#ask(this.#key, true, undefined)
      try {
        checkOptions(options, ['touch'])
        return this.#ask(this.#key, options.touch ?? true, options)
      } catch (error) {
        return Promise.reject(error)
      }
    }

    async update(change: SessionChange<object, unknown>, options?: UpdateOptions): Promise<Session | undefined> {
      if (options !== undefined) checkOptions(options, ['ifVersion', 'replace', 'device'])
      const { ifVersion, replace = false, device, ...terms } = options ?? {}
      if (ifVersion !== undefined && !Number.isSafeInteger(ifVersion)) {
        throw new KeyplanError('PARAM_INVALID', `ifVersion is ${shown(ifVersion)}; give the version of a session`)
      }
      if (this.#key === undefined) return undefined
      reads.flush()
      const key = this.#known?.key ?? this.#key
      const save = { change: change as SessionChange<object>, replace, device, ifVersion }
      return naming('update', async () => this.#given(await saves.save(key, this.#known, save, terms)))
    }

    async touch(options?: CallOptions): Promise<boolean> {
      if (options !== undefined) checkOptions(options)
      return this.#key !== undefined && (await access.find(this.#key, true, options)) !== undefined
    }

    async rotate(options?: RotateOptions<object, unknown>): Promise<Session | undefined> {
      if (options !== undefined) checkOptions(options, ['change', 'device', 'grace'])
      const { change, device, grace, ...terms } = options ?? {}
      const graceMs = graceOf(grace, settings.graceMs)
      const key = this.#key
      if (key === undefined) return undefined
      reads.flush()
      const id = newId()
      const moving = { change: change as SessionChange<object> | undefined, replace: false, device }
      return naming('rotate', async () => {
        const moved = await rotate(this.#known, key, names.key(id), moving, graceMs, terms)
        this.#known = undefined
        return moved && snapshots.session(id, moved)
      })
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

  return id => new Entry(id)
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
