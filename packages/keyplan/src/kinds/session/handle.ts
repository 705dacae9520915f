import { checkOptions } from '../../base/call.ts'
import { KeyplanError, kindOf } from '../../base/error.ts'
import type { Guarded } from '../../guard/guarded.ts'
import type { Wake } from '../../mechanisms/wake.ts'
import type { ParamValues } from '../../plan/pattern/pattern.ts'
import type { Opened, Surroundings } from '../kind.ts'
import { createAccess } from './access.ts'
import { attempt } from './attempt.ts'
import { createBindings } from './binding.ts'
import { createContents } from './contents.ts'
import type { CreateOptions, Session, SessionNamespace } from './contract.ts'
import { createDrafts, tooLate } from './drafts.ts'
import { createEndings } from './endings.ts'
import { createEntries } from './entry.ts'
import { isId, newId } from './id.ts'
import type { SessionNames } from './names.ts'
import { createNaming } from './naming.ts'
import { createReads } from './reads.ts'
import { createRefresh } from './refresh.ts'
import { createRotate } from './rotation.ts'
import { createSaves } from './saves.ts'
import type { SessionSettings } from './settings.ts'
import { createSnapshots } from './snapshots.ts'
import type { SessionStore } from './store.ts'
import { createUserLists } from './user-lists.ts'

interface SessionParts {
  readonly settings: SessionSettings
  readonly names: SessionNames
  readonly steps: Guarded<SessionStore>
  readonly wakes: readonly Wake[]
  /** Milliseconds since the epoch on the clock of the server that has the key. */
  readonly time: (key: string) => number
  readonly surroundings: Pick<Surroundings, 'name' | 'clock' | 'server'>
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
  const saves = createSaves({ steps, access, contents, drafts, lists, refresh, time })
  const rotate = createRotate({ steps, access, contents, drafts, lists, time })
  const bindings = createBindings({ settings, names, access, wakes, clock })
  const naming = createNaming(surroundings.name)
  const entry = createEntries({
    naming,
    settings,
    names,
    reads,
    access,
    saves,
    rotate,
    endings,
    lists,
    bindings,
    snapshots,
  })

  const create = (data: unknown, options?: CreateOptions) => naming('create', () => begin(data, options))

  async function begin(data: unknown, options?: CreateOptions): Promise<Session> {
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
    (params: ParamValues) => entry(params?.[settings.param]),
    { create, newId, user: lists.of },
  )
  const close = async () => {
    bindings.close()
    await refresh.settled()
  }
  return { client: client as SessionNamespace, close }
}
