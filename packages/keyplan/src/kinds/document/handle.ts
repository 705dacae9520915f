import { randomUUID } from 'node:crypto'
import { type Call, type CallOptions, checkOptions } from '../../base/call.ts'
import type { Stored } from '../../base/codec.ts'
import { KeyplanError, kindOf, shown } from '../../base/error.ts'
import { groupProblems } from '../../base/option-group.ts'
import { createTell } from '../../base/tell.ts'
import { errorOf, inFull } from '../../base/thrown.ts'
import type { Guarded } from '../../guard/guarded.ts'
import { createRefusals } from '../../mechanisms/log/refusals.ts'
import type { ParamValues } from '../../plan/pattern/pattern.ts'
import type { Opened, Surroundings } from '../kind.ts'
import { type ChangeNews, changeNews } from './announcing.ts'
import type {
  Document,
  DocumentNamespace,
  DocumentSubscribeOptions,
  DocumentSubscription,
  DocumentUpdateOptions,
} from './contract.ts'
import { follow } from './following.ts'
import { mergePatch } from './merge-patch.ts'
import type { DocumentSettings } from './settings.ts'
import type { Changes, DocumentStore, StoredDocument } from './store.ts'
import { createUpdates } from './updates.ts'

const defaultAttempts = 100

const noOptions: CallOptions = {}

type DocumentSurroundings = Pick<Surroundings, 'name' | 'pattern' | 'clock' | 'instance' | 'announcing' | 'notify'>

/** A document by its key, and by what its changes are announced with. */
interface Place {
  readonly key: string
  readonly news: ChangeNews | undefined
}

export function openDocuments<In, Out>(
  { codec, pollMs }: DocumentSettings<In, Out>,
  steps: Guarded<DocumentStore>,
  changes: Changes,
  { name, pattern, clock, instance, announcing, notify }: DocumentSurroundings,
): Opened<DocumentNamespace<string, In, Out>> {
  const subscriptions = new Set<DocumentSubscription>()
  const refused = createRefusals(name, 'documents are changed', notify)
  const tell = createTell<{ readonly type: 'handler-failed'; readonly error: Error }>(name, notify)
  let closed = false

  function failed(thrown: unknown): void {
    tell({ type: 'handler-failed', error: errorOf(thrown) }, `a handler failed: ${inFull(thrown)}`)
  }

  function decoded(stored: Stored): Out {
    try {
      return codec.decode(stored)
    } catch (cause) {
      const message = `A document of ${name} cannot be read as it is declared`
      throw new KeyplanError('DECODE_FAILED', message, { namespace: name, operation: 'read', cause })
    }
  }
  const snapshot = ({ value, version }: StoredDocument) => ({
    value: value === undefined ? undefined : decoded(value),
    version,
  })
  const misuse = (message: string) => new KeyplanError('PARAM_INVALID', message)

  function checkVersion(version: unknown, what: string): void {
    if (Number.isSafeInteger(version) && (version as number) >= 0) return
    throw misuse(`${what} is ${shown(version)}; give the version that was read, or 0 for a document that is not there`)
  }

  const read = async ({ key }: Place, options: CallOptions) => snapshot(await steps.read(options, key))

  async function write({ key, news }: Place, value: Stored, expected: number | undefined, options: CallOptions) {
    const request = { id: `${instance}/${randomUUID()}`, value, expected, news, unanswered: new Set<Call>() }
    const answer = await steps.write(options, key, request)
    if (answer.done) refused(answer.unannounced)
    return answer
  }

  const update = createUpdates<Place, In, Out>({
    namespace: name,
    clock,
    read,
    async exchange(place, version, next, options) {
      const value = codec.encode(next)
      const answer = await write(place, value, version, options)
      return { done: answer.done, ...snapshot({ remainingMs: undefined, value, ...answer }) }
    },
  })

  function updated(place: Place, change: Parameters<typeof update>[1], options: DocumentUpdateOptions) {
    checkOptions(options, ['attempts'])
    const { attempts = defaultAttempts, ...call } = options
    if (!Number.isSafeInteger(attempts) || attempts < 1) {
      throw misuse(`attempts is ${shown(attempts)}; it must be a whole number from 1`)
    }
    return update(place, change, attempts, call)
  }

  function subscribe(
    key: string,
    listener: Parameters<Document<In, Out>['subscribe']>[0],
    options: DocumentSubscribeOptions,
  ) {
    if (typeof listener !== 'function') {
      throw misuse(`subscribe() of '${pattern.source}' was given ${kindOf(listener)}; give it a function`)
    }
    const [problem] = groupProblems(options, '', ['onGap'])
    if (problem) throw misuse(problem)
    if (options.onGap !== undefined && typeof options.onGap !== 'function') {
      throw misuse(`onGap is ${kindOf(options.onGap)}; give it a function`)
    }
    if (closed) throw new KeyplanError('CLOSED', 'The client is closed', { namespace: name, operation: 'subscribe' })
    const subscription = follow<Out>(
      {
        namespace: name,
        key,
        clock,
        changes,
        pollMs,
        async read(signal) {
          const found = await steps.read({ signal }, key)
          return { ...snapshot(found), remainingMs: found.remainingMs }
        },
        notify,
        failed,
      },
      listener,
      options,
    )
    subscriptions.add(subscription)
    const close = () => {
      subscriptions.delete(subscription)
      return subscription.close()
    }
    return {
      get health() {
        return subscription.health
      },
      close,
      [Symbol.asyncDispose]: close,
    }
  }

  function open(params: ParamValues): Document<In, Out> {
    const key = pattern.format(params)
    const place: Place = { key, news: announcing && changeNews(pattern, params, announcing(params)) }
    return {
      async get(options = noOptions) {
        checkOptions(options)
        return (await read(place, options)).value
      },
      async read(options = noOptions) {
        checkOptions(options)
        return read(place, options)
      },
      async set(value, options = noOptions) {
        checkOptions(options)
        return (await write(place, codec.encode(value), undefined, options)).version
      },
      async compareAndSet(version, value, options = noOptions) {
        checkOptions(options)
        checkVersion(version, 'the version')
        const answer = await write(place, codec.encode(value), version, options)
        return answer.done ? { done: true, version: answer.version } : { done: false, ...snapshot(answer) }
      },
      async update(change, options = noOptions) {
        if (typeof change !== 'function') {
          throw misuse(`update() of '${pattern.source}' was given ${kindOf(change)}; give it a function`)
        }
        return updated(place, change, options)
      },
      async patch(patch, options = noOptions) {
        if (codec.format !== 'json') {
          throw new KeyplanError(
            'UNSUPPORTED',
            `patch() needs values that are JSON; '${pattern.source}' has ${codec.name}`,
          )
        }
        if (patch === undefined)
          throw misuse(`patch() of '${pattern.source}' was given undefined; give it what changes`)
        // What merges with what was read is, but for transforming schemas, what a write takes; the codec looks.
        return updated(place, current => mergePatch(current, patch) as In, options)
      },
      async delete(options: Parameters<Document<In, Out>['delete']>[0] = noOptions) {
        checkOptions(options, ['ifVersion'])
        const { ifVersion, ...call } = options
        if (ifVersion !== undefined) checkVersion(ifVersion, 'ifVersion')
        const { done, unannounced } = await steps.remove(call, key, ifVersion, place.news)
        refused(unannounced)
        return done
      },
      async history(options = noOptions) {
        checkOptions(options)
        const entries = await steps.history(options, key)
        return entries.map(({ value, version }) => ({ value: decoded(value), version }))
      },
      subscribe: (listener, options = {}) => subscribe(key, listener, options),
    }
  }

  return {
    client: open,
    async close() {
      closed = true
      await Promise.all([...subscriptions].map(({ close }) => close()))
    },
  }
}
