import { randomUUID } from 'node:crypto'
import { type CallOptions, checkOptions } from '../../base/call.ts'
import type { Stored } from '../../base/codec.ts'
import { KeyplanError, kindOf, shown } from '../../base/error.ts'
import { groupProblems } from '../../base/option-group.ts'
import { createRecurring } from '../../base/recurring.ts'
import { errorOf, inFull } from '../../base/thrown.ts'
import type { Guarded } from '../../guard/guarded.ts'
import type { Opened, Surroundings } from '../kind.ts'
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

export function openDocuments<In, Out>(
  { codec, pollMs }: DocumentSettings<In, Out>,
  steps: Guarded<DocumentStore>,
  changes: Changes,
  { name, pattern, clock, instance, notify }: Pick<Surroundings, 'name' | 'pattern' | 'clock' | 'instance' | 'notify'>,
): Opened<DocumentNamespace<string, In, Out>> {
  const subscriptions = new Set<DocumentSubscription>()
  const occurrence = createRecurring()
  let closed = false

  function failed(thrown: unknown): void {
    const line = `${name}: a handler failed: ${inFull(thrown)}`
    notify({ type: 'handler-failed', namespace: name, error: errorOf(thrown), ...occurrence('handler-failed', line) })
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

  const read = async (key: string, options: CallOptions) => snapshot(await steps.read(options, key))

  const write = (key: string, value: Stored, expected: number | undefined, options: CallOptions) =>
    steps.write(options, key, { id: `${instance}/${randomUUID()}`, value, expected, unanswered: new Set() })

  const update = createUpdates<In, Out>({
    namespace: name,
    clock,
    read,
    async exchange(key, version, next, options) {
      const value = codec.encode(next)
      const answer = await write(key, value, version, options)
      return { done: answer.done, ...snapshot({ remainingMs: undefined, value, ...answer }) }
    },
  })

  function updated(key: string, change: Parameters<typeof update>[1], options: DocumentUpdateOptions) {
    checkOptions(options, ['attempts'])
    const { attempts = defaultAttempts, ...call } = options
    if (!Number.isSafeInteger(attempts) || attempts < 1) {
      throw misuse(`attempts is ${shown(attempts)}; it must be a whole number from 1`)
    }
    return update(key, change, attempts, call)
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

  function open(key: string): Document<In, Out> {
    return {
      async get(options = noOptions) {
        checkOptions(options)
        return (await read(key, options)).value
      },
      async read(options = noOptions) {
        checkOptions(options)
        return read(key, options)
      },
      async set(value, options = noOptions) {
        checkOptions(options)
        return (await write(key, codec.encode(value), undefined, options)).version
      },
      async compareAndSet(version, value, options = noOptions) {
        checkOptions(options)
        checkVersion(version, 'the version')
        const answer = await write(key, codec.encode(value), version, options)
        return answer.done ? answer : { done: false, ...snapshot(answer) }
      },
      async update(change, options = noOptions) {
        if (typeof change !== 'function') {
          throw misuse(`update() of '${pattern.source}' was given ${kindOf(change)}; give it a function`)
        }
        return updated(key, change, options)
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
        return updated(key, current => mergePatch(current, patch) as In, options)
      },
      async delete({ ifVersion, ...options } = noOptions) {
        checkOptions(options)
        if (ifVersion !== undefined) checkVersion(ifVersion, 'ifVersion')
        return steps.remove(options, key, ifVersion)
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
    client: params => open(pattern.format(params)),
    async close() {
      closed = true
      await Promise.all([...subscriptions].map(({ close }) => close()))
    },
  }
}
