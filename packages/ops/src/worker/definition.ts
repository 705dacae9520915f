import {
  type BatchOptions,
  isPlan,
  KeyplanError,
  type Message,
  type Namespaces,
  type Plan,
  type Stream,
  type WorkOptions,
} from 'keyplan'
import type { Client, ConnectOptions } from 'keyplan/client'
import { likely } from 'keyplan/config'

/**
 * A handler with the options of its work: `handle` for one entry, or `handleBatch` for up to `batch` of them. How long it is
 * given at the end is `--grace` of the command.
 */
export type Job<Out, C> =
  | (Omit<WorkOptions<Out>, 'grace'> & {
      readonly handle: (message: Message<Out>, redis: C) => unknown
      readonly handleBatch?: undefined
    })
  | (Omit<BatchOptions<Out>, 'grace'> & {
      readonly handleBatch: (messages: readonly Message<Out>[], redis: C) => unknown
      readonly handle?: undefined
    })

/** For each group of a stream, who handles its entries. */
type JobsOf<S, C> =
  S extends Stream<infer _In, infer Out, infer Group>
    ? { readonly [Name in Group]?: Job<Out, C> | ((message: Message<Out>, redis: C) => unknown) }
    : S extends (params: infer P) => Stream<infer _In, infer Out, infer Group>
      ? { readonly [Name in Group]?: Job<Out, C> & { readonly params: P | readonly P[] } }
      : never

type ClientOf<N extends Namespaces, Name extends keyof N> = NonNullable<N[Name]['~client']>

/** The streams of a plan that are worked for, by namespace and group. */
export type Work<N extends Namespaces> = {
  readonly [Name in keyof N as N[Name]['kind'] extends 'stream' ? Name : never]?: JobsOf<ClientOf<N, Name>, Client<N>>
}

export interface WorkerOptions<N extends Namespaces> {
  readonly work: Work<N>
  /** As for `connect`: where Redis is, and how patient to be. Default: what the environment says. */
  readonly connect?: ConnectOptions
  /** Runs last, after the handlers and the client: for what the module has opened itself. */
  readonly close?: () => unknown
}

type AnyHandler = (given: unknown, redis: unknown) => unknown

/** Who handles the entries of one group, whatever they hold. */
export interface AnyJob {
  readonly handle?: AnyHandler
  readonly handleBatch?: AnyHandler
  readonly params?: unknown
  readonly [option: string]: unknown
}

/** What the module exports that `keyplan worker` runs. Inert: it opens nothing. */
export interface WorkerDefinition {
  readonly plan: Plan
  readonly connect: ConnectOptions
  readonly jobs: readonly { readonly namespace: string; readonly group: string; readonly job: AnyJob }[]
  readonly close: (() => unknown) | undefined
}

const brand = Symbol.for('keyplan.worker')

export function isWorkerDefinition(value: unknown): value is WorkerDefinition {
  return typeof value === 'object' && value !== null && brand in value
}

/**
 * Says which streams of a plan are worked for and by what: the default export of the module that `keyplan worker` runs.
 *
 * `defineWorker(plan, { work: { webhooks: { webhook_workers: async ({ value }, redis) => { … } } } })`
 *
 * @throws KeyplanError PLAN_INVALID with every problem
 */
export function defineWorker<N extends Namespaces>(plan: Plan<N>, options: WorkerOptions<N>): WorkerDefinition {
  if (!isPlan(plan)) throw invalid(['it was not given a plan; make one with definePlan()'])
  const problems: string[] = []
  if (!isTable(options)) throw invalid(['it was given no options; write { work: { <stream>: { <group>: handler } } }'])
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) problems.push(unknown('option', name, known))
  }
  const jobs = isTable(options.work) ? jobsOf(plan, options.work, problems) : []
  if (problems.length === 0 && jobs.length === 0) {
    problems.push('nothing is worked for; write work: { <stream>: { <group>: handler } }')
  }
  if (options.close !== undefined && typeof options.close !== 'function') problems.push('close is no function')
  if (problems.length > 0) throw invalid(problems)
  const definition: WorkerDefinition = { plan, connect: options.connect ?? {}, jobs, close: options.close }
  return Object.freeze(Object.defineProperty(definition, brand, { value: true }))
}

const known = ['work', 'connect', 'close']

function jobsOf(plan: Plan, work: Table, problems: string[]): WorkerDefinition['jobs'] {
  const streams = Object.entries(plan.namespaces).flatMap(([name, { kind }]) => (kind === 'stream' ? [name] : []))
  return Object.entries(work).flatMap(([namespace, groups]) => {
    const declaration = Object.hasOwn(plan.namespaces, namespace) ? plan.namespaces[namespace] : undefined
    if (declaration?.kind !== 'stream') {
      problems.push(
        declaration
          ? `${namespace} is a ${declaration.kind}; only streams are worked for`
          : unknown('stream', namespace, streams),
      )
      return []
    }
    if (!isTable(groups)) {
      problems.push(`${namespace} is given no handlers by group; write { <group>: handler }`)
      return []
    }
    const declared = Object.keys((declaration.options as { groups: object }).groups)
    return Object.entries(groups).flatMap(([group, given]) => {
      const job = typeof given === 'function' ? { handle: given } : given
      if (!declared.includes(group)) problems.push(unknown(`group of ${namespace}`, group, declared))
      else if (!isTable(job) || !isHandled(job)) {
        problems.push(`${namespace}.${group} is no handler; write a function, { handle }, or { handleBatch, batch }`)
      } else if (plan.patterns[namespace]!.params.length > 0 && !isTable(job.params)) {
        problems.push(`${namespace} has parameters; ${group} needs params, an object or a list of them`)
      } else return [{ namespace, group, job: job as AnyJob }]
      return []
    })
  })
}

const isHandled = ({ handle, handleBatch, batch }: Table) =>
  handleBatch === undefined
    ? typeof handle === 'function' && batch === undefined
    : typeof handleBatch === 'function' && handle === undefined && batch !== undefined

type Table = Readonly<Record<string, unknown>>

const isTable = (value: unknown): value is Table => typeof value === 'object' && value !== null

function unknown(what: string, name: string, names: readonly string[]): string {
  const meant = likely(name, names)
  const hint = names.length === 0 ? 'there is none' : `there is ${names.join(', ')}`
  return `${name} is no ${what}; ${meant ? `did you mean ${meant}?` : hint}`
}

const invalid = (problems: readonly string[]) =>
  new KeyplanError('PLAN_INVALID', `defineWorker: ${problems.join('\n  - ')}`, { problems })
