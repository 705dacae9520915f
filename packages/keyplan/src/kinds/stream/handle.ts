import { checkOptions } from '../../base/call.ts'
import { isKeyplanError, KeyplanError, kindOf, shown } from '../../base/error.ts'
import { likely } from '../../base/likely.ts'
import { createTell } from '../../base/tell.ts'
import { type Guarded, guarded } from '../../guard/guarded.ts'
import { createGather, type Gather } from '../../mechanisms/gather.ts'
import type { Opened, Surroundings } from '../kind.ts'
import { consumerName } from './consumer-name.ts'
import type { AppendOptions, Stream, StreamNamespace } from './contract.ts'
import type { Handler } from './desk.ts'
import { createCounting } from './figures.ts'
import type { Happening, Job } from './job.ts'
import { openLetters } from './letters.ts'
import type { StreamSettings } from './settings.ts'
import { type AppendRequest, type StreamSteps, type StreamStore, streamOperations } from './store.ts'
import type { Worker } from './work-contract.ts'
import { workSettingsOf } from './work-settings.ts'
import { createWorker } from './worker.ts'

/** Most entries of one script call. */
const gathered = 64

/** The longest key of a producer's. */
const longestToken = 1_000

/** What the user touches: `redis.<namespace>`. */
export function openStreams(
  settings: StreamSettings,
  store: StreamStore,
  surroundings: Pick<Surroundings, 'name' | 'pattern' | 'clock' | 'server' | 'bare' | 'notify'>,
): Opened<StreamNamespace<string, unknown, unknown, string>> {
  const { name, pattern, clock, server, bare, notify } = surroundings
  const steps: Guarded<StreamSteps> = guarded<StreamSteps>(name, store, streamOperations, server?.guard ?? bare)
  const gathers = new Map<string, Gather<AppendRequest, string>>()
  const workers = new Set<Worker>()
  const tell = createTell<Happening>(name, notify)
  const counting = createCounting(Object.keys(settings.groups), clock)
  let closed = false

  /** A gather is for one key: a script adds to one stream. It goes when it has nothing to do. */
  function gatherOf(key: string): Gather<AppendRequest, string> {
    const known = gathers.get(key)
    if (known) return known
    const gather = createGather<AppendRequest, string>({
      max: gathered,
      async run(requests) {
        if (gathers.get(key) === gather && pattern.params.length > 0) gathers.delete(key)
        return added(await steps.append(undefined, requests))
      },
      separable: error => isKeyplanError(error, 'NO_PERMISSION'),
    })
    gathers.set(key, gather)
    return gather
  }

  const misuse = (message: string) => new KeyplanError('PARAM_INVALID', message, { namespace: name })

  function check(group: string): void {
    if (Object.hasOwn(settings.groups, group)) return
    const known = Object.keys(settings.groups)
    const meant = likely(String(group), known)
    const hint = known.length === 0 ? 'it declares none' : `there are ${known.join(', ')}`
    throw misuse(`${name} has no group ${shown(group)}${meant ? `; did you mean ${meant}?` : `; ${hint}`}`)
  }

  function added(answers: readonly (string | KeyplanError)[]): readonly (string | KeyplanError)[] {
    for (const answer of answers) if (typeof answer === 'string') counting.appended++
    return answers
  }

  async function append(key: string, value: unknown, options?: AppendOptions): Promise<string> {
    const stored = settings.codec.encode(value)
    if (options === undefined) return gatherOf(key).add({ key, value: stored })
    checkOptions(options, ['key'])
    const { key: token, ...terms } = options
    gatherOf(key).flush()
    if (token === undefined) return only(added(await steps.append(terms, [{ key, value: stored }])))
    if (typeof token !== 'string' || token === '' || token.length > longestToken) {
      throw misuse(`the key of an append is ${kindOf(token)}; give a text of up to ${longestToken} characters`)
    }
    const { id, duplicate } = await steps.appendOnce(terms, key, stored, token)
    counting[duplicate ? 'duplicates' : 'appended']++
    return id
  }

  function open(key: string): Stream<unknown, unknown, string> {
    return {
      append: (value, options) => append(key, value, options),
      async appendMany(values) {
        if (!Array.isArray(values)) throw misuse(`appendMany() was given ${kindOf(values)}; give it a list of values`)
        const stored = values.map(value => settings.codec.encode(value))
        return Promise.all(stored.map(value => gatherOf(key).add({ key, value })))
      },
      count: async options => {
        if (options !== undefined) checkOptions(options)
        return steps.length(options, key)
      },
      work(group: string, handler: unknown, options: object = {}) {
        if (closed) throw new KeyplanError('CLOSED', 'The client is closed', { namespace: name, operation: 'work' })
        check(group)
        const work = workSettingsOf(options, handler, settings)
        const consumer = consumerName(work.consumer)
        const { wait } = store
        const workerName = `worker of ${group}`
        const job: Job = {
          namespace: name,
          key,
          group,
          consumer,
          workerName,
          settings,
          work,
          steps,
          wait,
          clock,
          tell,
          notify,
        }
        const forget = (ended: Worker) => workers.delete(ended)
        const worker = createWorker({ job, handler: handler as Handler, counting, closed: forget })
        workers.add(worker)
        return worker
      },
      async inspect(group, options) {
        check(group)
        if (options !== undefined) checkOptions(options)
        return steps.inspect(options, key, group)
      },
      deadLetters(group) {
        check(group)
        return openLetters({ key, group, steps, codec: settings.codec, misuse })
      },
    }
  }

  const address = (params: Parameters<typeof pattern.format>[0]) => open(pattern.format(params))
  // One without parameters is no family of streams but a stream.
  const isOne = pattern.params.length === 0
  return {
    client: (isOne ? open(pattern.format({})) : address) as StreamNamespace<string, unknown, unknown, string>,
    figures: () => counting.figures,
    async close() {
      closed = true
      for (const gather of gathers.values()) gather.flush()
      await Promise.all([...workers].map(worker => worker.close()))
    },
  }
}

function only(answers: readonly (string | KeyplanError)[]): string {
  const [answer] = answers
  if (answer instanceof Error) throw answer
  return answer!
}
