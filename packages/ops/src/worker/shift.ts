import {
  formatDuration,
  type GroupState,
  isKeyplanError,
  KeyplanError,
  type Stream,
  type Worker,
  type WorkOptions,
} from 'keyplan'
import { type ClientVerbs, connect } from 'keyplan/client'
import type { AnyJob, WorkerDefinition } from './definition.ts'
import type { Snapshot, WorkerSnapshot } from './snapshot.ts'

/** The handlers of a module at work. */
export interface Shift {
  readonly snapshot: Snapshot
  /** Takes no more, lets handlers finish for the grace, gives back the rest, and closes the client. */
  end(graceMs: number): Promise<void>
}

type AnyStream = Stream<unknown, unknown, string>

interface Place {
  readonly stream: string
  readonly group: string
  readonly params: string | undefined
  readonly worker: Worker
  inspect(): Promise<GroupState>
  server: GroupState | undefined
}

/** How often the server is asked how the groups are doing, in milliseconds. */
const inspectEvery = 5_000

/**
 * Opens the client and sets the handlers to work.
 *
 * @throws KeyplanError CONFIG_INVALID without a Redis; what `connect` and `work` throw
 */
export async function beginShift({ plan, connect: options, jobs, close }: WorkerDefinition): Promise<Shift> {
  const redis = await connect(plan, options)
  const places: Place[] = []
  try {
    if (redis.$status.state === 'memory' && !options.memory) throw noRedis()
    for (const { namespace, group, job } of jobs) {
      const { params, ...work } = job
      const given = (Array.isArray(params) ? params : [params]) as (Readonly<Record<string, unknown>> | undefined)[]
      for (const one of given) places.push(place(redis, namespace, group, work, one))
    }
  } catch (error) {
    await redis.$close()
    throw error
  }
  const asking = setInterval(() => void inspectAll(places), inspectEvery).unref()
  void inspectAll(places)
  return {
    get snapshot() {
      const { state, error } = redis.$status
      return {
        plan: plan.name,
        redis: { state, reason: error?.message },
        workers: places.map(standing),
        stats: redis.$stats(),
        memoryBytes: process.memoryUsage.rss(),
      }
    },
    async end(graceMs) {
      clearInterval(asking)
      await Promise.all(places.map(({ worker }) => worker.close(formatDuration(graceMs))))
      await redis.$close()
      await close?.()
    },
  }
}

const noRedis = () =>
  new KeyplanError(
    'CONFIG_INVALID',
    'no Redis is configured, and nothing outside of this process can append to a stream in memory: set REDIS_URL',
  )

function place(
  redis: ClientVerbs,
  stream: string,
  group: string,
  { handle, handleBatch, ...work }: AnyJob,
  params: Readonly<Record<string, unknown>> | undefined,
): Place {
  const namespace = (redis as unknown as Record<string, AnyStream | ((params: unknown) => AnyStream)>)[stream]!
  const handler = (handle ?? handleBatch)!
  const one = typeof namespace === 'function' ? namespace(params) : namespace
  return {
    stream,
    group,
    params:
      params &&
      Object.entries(params)
        .map(([name, value]) => `${name}=${String(value)}`)
        .join(),
    // The client checks the options itself.
    worker: one.work(group, given => handler(given, redis), work as WorkOptions<unknown>),
    inspect: () => one.inspect(group),
    server: undefined,
  }
}

function standing({ stream, group, params, worker, server }: Place): WorkerSnapshot {
  const { state, well, forMs, gaps, error } = worker.health
  const { consumer, figures } = worker
  const reason = well ? undefined : reasonOf(error)
  return { stream, group, params, consumer, state, well, forMs, gaps, reason, figures, server }
}

/** Only Keyplan's own messages are known to hold no secrets. */
const reasonOf = (error: unknown) =>
  isKeyplanError(error) ? error.message : error instanceof Error ? error.name : 'it fails'

async function inspectAll(places: readonly Place[]): Promise<void> {
  await Promise.all(
    places.map(async place => {
      place.server = await place.inspect().catch(() => undefined)
    }),
  )
}
