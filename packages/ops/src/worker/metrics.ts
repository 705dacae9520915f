import type { GroupState, WorkerFigures } from 'keyplan'
import type { Metric, Sample } from '../watch/prometheus.ts'
import { workerHealth } from './health.ts'
import type { Snapshot, WorkerSnapshot } from './snapshot.ts'
import type { Supervised } from './supervisor.ts'

type WorkerMetric = Metric<Supervised>
type NamespaceStats = Snapshot['stats']['namespaces'][string]

const labelsOf = ({ stream, group, params }: WorkerSnapshot) => ({ stream, group, params })

const ofWorkers =
  (read: (worker: WorkerSnapshot) => number | undefined) =>
  ({ snapshot }: Supervised): Sample[] =>
    (snapshot?.workers ?? []).flatMap(worker => {
      const value = read(worker)
      return value === undefined ? [] : [{ value, labels: labelsOf(worker) }]
    })

const ofNamespaces =
  (read: (stats: NamespaceStats) => number) =>
  ({ snapshot }: Supervised): Sample[] =>
    Object.entries(snapshot?.stats.namespaces ?? {}).map(([namespace, stats]) => ({
      value: read(stats),
      labels: { namespace },
    }))

const counted = (figure: keyof WorkerFigures, help: string): WorkerMetric => ({
  name: `keyplan_worker_${figure}_total`,
  type: 'counter',
  help,
  samples: ofWorkers(({ figures }) => figures[figure]),
})

const gauge = (name: string, help: string, samples: WorkerMetric['samples']): WorkerMetric => ({
  name: `keyplan_${name}`,
  type: 'gauge',
  help,
  samples,
})

const ofGroup = (name: string, help: string, read: (state: GroupState) => number | undefined): WorkerMetric =>
  gauge(
    `stream_${name}`,
    help,
    ofWorkers(({ server }) => server && read(server)),
  )

const counter = (name: string, help: string, samples: WorkerMetric['samples']): WorkerMetric => ({
  name: `keyplan_${name}_total`,
  type: 'counter',
  help,
  samples,
})

/** What `/metrics` of a worker tells. What is counted in the process begins at 0 with each start of it. */
export const workerMetrics: readonly WorkerMetric[] = [
  gauge('worker_up', 'Whether it gets its entries (1), or not (0).', supervised => [
    { value: Number(workerHealth(supervised).status === 'up') },
  ]),
  counter('worker_restarts', 'Starts of the process after the first.', ({ restarts }) => [{ value: restarts }]),
  gauge('worker_memory_bytes', 'Memory of the process that is resident.', ({ snapshot }) =>
    snapshot ? [{ value: snapshot.memoryBytes }] : [],
  ),
  gauge(
    'worker_well',
    'Whether the worker of a group gets its entries.',
    ofWorkers(({ well }) => Number(well)),
  ),
  counter(
    'worker_gaps',
    'How often something may have been missed.',
    ofWorkers(({ gaps }) => gaps),
  ),
  counted('handled', 'Deliveries whose handler returned.'),
  counted('failed', 'Deliveries that failed.'),
  counted('redelivered', 'Entries that were given out again.'),
  counted('buried', 'Entries that became dead letters.'),
  counted('lost', 'Entries that were given out and vanished from the stream.'),
  counted('missed', 'Entries that vanished before anybody was given them.'),
  counted('skipped', 'Entries whose effect was there already.'),
  gauge(
    'worker_held',
    'Entries at hand.',
    ofWorkers(({ figures }) => figures.held),
  ),
  gauge(
    'worker_active',
    'Entries that are being handled.',
    ofWorkers(({ figures }) => figures.active),
  ),
  ofGroup('length', 'Entries of the stream.', ({ length }) => length),
  ofGroup('consumer_lag', 'Entries that the group has not been given.', ({ lag }) => lag),
  ofGroup('pending_messages', 'Entries that were given out and are not finished.', ({ pending }) => pending),
  ofGroup('oldest_pending_seconds', 'Age of the oldest of them.', ({ oldestMs }) => (oldestMs ?? 0) / 1000),
  ofGroup('dead_letters', 'Dead letters that are kept.', ({ deadLetters }) => deadLetters),
  ofGroup('consumers', 'Consumers of the group.', ({ consumers }) => consumers),
  counter(
    'operations',
    'Calls, by namespace.',
    ofNamespaces(({ operations }) => operations),
  ),
  counter('errors', 'Calls that failed, by namespace and code.', ({ snapshot }) =>
    Object.entries(snapshot?.stats.namespaces ?? {}).flatMap(([namespace, { errors }]) =>
      Object.entries(errors).map(([code, value]) => ({ value, labels: { namespace, code } })),
    ),
  ),
  counter(
    'retries',
    'Tries beyond the first, by namespace.',
    ofNamespaces(({ retries }) => retries),
  ),
  gauge(
    'latency_mean_seconds',
    'From the call to its end.',
    ofNamespaces(({ latency }) => latency.mean / 1000),
  ),
  gauge(
    'latency_p99_seconds',
    'From the call to its end, of 99 in 100.',
    ofNamespaces(({ latency }) => latency.p99 / 1000),
  ),
]
