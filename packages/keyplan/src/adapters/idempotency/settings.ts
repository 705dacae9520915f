import { collect } from '../../base/collect.ts'
import { type Duration, durationMs } from '../../base/duration.ts'
import { KeyplanError, kindOf, shown } from '../../base/error.ts'
import { groupProblems } from '../../base/option-group.ts'
import { type Size, sizeBytes } from '../../base/size.ts'
import { describing } from './response.ts'

export interface IdempotencyOptions {
  /** Whether a request without a key is refused with 400. Default: true. */
  required?: boolean
  /** The methods it is about; others pass. Default: POST and PATCH. */
  methods?: readonly string[]
  /** Response headers that are kept, beside those that describe the content, and `location` and `link`. Never `set-cookie`. */
  headers?: readonly string[]
  /** The largest body that is kept. A larger one is sent once; duplicates get its status without it. Default: 256kb. */
  maxBody?: Size
  /**
   * Which responses are kept; after others the next request runs anew. Default: all below 500 but 401, 403, 408, 409, 425 and
   * 429, which say that nothing was done.
   */
  keep?: (status: number) => boolean
  /** How long a duplicate waits for the one that runs, before 409. Default: no wait. */
  wait?: Duration
  /**
   * How long a handler may still take when its client has left: what then has not answered has failed, its `signal` fires, and
   * another request may run. Default: 30s.
   */
  grace?: Duration
  /** The `type` of the problems it answers with: a page that tells your clients about idempotency. Default: about:blank. */
  problemType?: string
}

export interface IdempotencySettings {
  readonly required: boolean
  readonly methods: ReadonlySet<string>
  readonly headers: ReadonlySet<string>
  readonly maxBody: number
  readonly keep: (status: number) => boolean
  readonly wait: Duration | undefined
  readonly graceMs: number
  readonly problemType: string
}

const names: Readonly<Record<keyof IdempotencyOptions, true>> = {
  required: true,
  methods: true,
  headers: true,
  maxBody: true,
  keep: true,
  wait: true,
  grace: true,
  problemType: true,
}

const saysNothingWasDone: ReadonlySet<number> = new Set([401, 403, 408, 409, 425, 429])

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every(one => typeof one === 'string')

/**
 * @param own options that a face has beside these
 * @throws KeyplanError PARAM_INVALID
 */
export function settingsOf(options: IdempotencyOptions, own: readonly string[] = []): IdempotencySettings {
  const problems = groupProblems(options, '', [...Object.keys(names), ...own])
  const { required = true, methods = ['POST', 'PATCH'], headers = [], keep, wait, problemType } = options ?? {}
  if (typeof required !== 'boolean') problems.push(`required is ${shown(required)}; write true or false`)
  if (!isTexts(methods)) problems.push(`methods is ${kindOf(methods)}; list them, such as ['POST']`)
  if (!isTexts(headers)) problems.push(`headers is ${kindOf(headers)}; list the names of headers`)
  else if (headers.some(name => name.toLowerCase() === 'set-cookie')) {
    problems.push('headers names set-cookie, which belongs to one response alone; leave it out')
  }
  if (keep !== undefined && typeof keep !== 'function') problems.push(`keep is ${kindOf(keep)}; give a function`)
  if (wait !== undefined) collect(problems, () => durationMs(wait, 'wait', shown), 0)
  if (problemType !== undefined && typeof problemType !== 'string') {
    problems.push(`problemType is ${kindOf(problemType)}; give a URL`)
  }
  const graceMs = collect(problems, () => durationMs(options?.grace ?? '30s', 'grace', shown), 0)
  const maxBody = collect(problems, () => sizeBytes(options?.maxBody ?? '256kb', 'maxBody', shown), 0)
  if (problems.length > 0) throw new KeyplanError('PARAM_INVALID', `idempotency: ${problems.join('; ')}`, { problems })
  return {
    required,
    methods: new Set(methods.map(method => method.toUpperCase())),
    headers: new Set([...describing, 'location', 'link', ...headers.map(name => name.toLowerCase())]),
    maxBody,
    keep: keep ?? (status => status < 500 && !saysNothingWasDone.has(status)),
    wait,
    graceMs,
    problemType: problemType ?? 'about:blank',
  }
}
