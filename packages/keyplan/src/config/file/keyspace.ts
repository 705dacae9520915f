import type { Layer } from '../layer.ts'
import { isGroup } from '../value.ts'

type Tree = Record<string, unknown>

/**
 * What a file says of the keyspace has no effect: a plan declares it. One warning for each part, with the lines of a
 * plan that declare the same.
 */
export function keyspaceWarnings(layer: Layer, file: string): string[] {
  const streams = groupOf(layer.get('redis.streams')?.value)
  const worker = groupOf(layer.get('worker')?.value)
  const caches = groupOf(layer.get('cache')?.value)
  const parts: [string, string[]][] = [
    ['redis.streams', streams ? streamLines(streams, worker ?? {}) : []],
    ['worker', worker ? workerLines(worker) : []],
    ['cache', caches ? cacheLines(caches) : []],
  ]
  return parts
    .filter(([path]) => groupOf(layer.get(path as 'worker')?.value))
    .map(([path, lines]) => {
      const said = `${file}: ${path} is keyspace, and has no effect here`
      return lines.length === 0
        ? said
        : `${said}. The plan that says the same:\n${lines.map(line => `  ${line}`).join('\n')}`
    })
}

function streamLines(streams: Tree, worker: Tree): string[] {
  const config = groupOf(streams.config) ?? {}
  const dead = groupOf(streams.dlq)
  const groups = Object.entries(groupOf(streams.consumer_groups) ?? {})
  return Object.entries(streams).flatMap(([name, key]) => {
    if (typeof key !== 'string') return []
    const own = groups.flatMap(([group, settings]) => {
      if (groupOf(settings)?.stream !== name && groupOf(settings)?.stream !== key) return []
      // `>` is no place to begin a group: what it means there is `$`.
      const start = String(groupOf(settings)?.start_id ?? '$')
      return [`${quotedName(group)}: { start: ${quoted(start === '>' ? '$' : start)} }`]
    })
    const options = [
      'value: json()',
      ...option('keep', config.max_len, entries => `{ entries: ${entries} }`),
      ...option('block', config.block_duration),
      ...option('batch', config.batch_size ?? worker.batch_size),
      ...option('claimAfter', config.claim_min_idle),
      ...option('retry', dead?.max_retries ?? worker.max_retries, attempts => `{ attempts: ${attempts} }`),
      ...option('deadLetters', dead?.ttl, ttl => `{ keep: ${ttl} }`),
      ...(own.length > 0 ? [`groups: { ${own.join(', ')} }`] : []),
    ]
    return [`${camelCase(name)}: stream(${quoted(key)}, { ${options.join(', ')} }),`]
  })
}

function workerLines(worker: Tree): string[] {
  const idempotency = groupOf(worker.idempotency)
  const prefix = idempotency?.key_prefix
  const consumer = worker.consumer_name === undefined ? [] : ['// the stem of consumer names: WORKER_CONSUMER_NAME']
  if (!idempotency || idempotency.enabled === false || typeof prefix !== 'string') return consumer
  const options = option('ttl', idempotency.ttl).join('')
  return [...consumer, `${camelCase(prefix)}: once(${quoted(`${prefix}<id>`)}, { ${options} }),`]
}

function cacheLines(caches: Tree): string[] {
  const prefixes = Object.entries(groupOf(caches.prefixes) ?? {})
  return Object.entries(groupOf(caches.ttl) ?? {}).map(([name, ttl]) => {
    // `embeddings` and `embedding`, `api_responses` and `response`: the one is in the other.
    const [, prefix] = prefixes.find(([short]) => name.includes(short)) ?? []
    const kind = name.startsWith('session') ? 'session' : 'cache'
    const pattern = `${typeof prefix === 'string' ? prefix : `${name}:`}${kind === 'session' ? '<sessionId>' : '<key...>'}`
    const value = kind === 'cache' ? ', value: json()' : ''
    return `${camelCase(name)}: ${kind}(${quoted(pattern)}, { ttl: ${quoted(ttl)}${value} }),`
  })
}

function option(name: string, value: unknown, wrap = (text: string) => text): string[] {
  return value === undefined || value === null
    ? []
    : [`${name}: ${wrap(typeof value === 'number' ? String(value) : quoted(value))}`]
}

const groupOf = (value: unknown): Tree | undefined => (isGroup(value) ? value : undefined)

const quoted = (value: unknown) => `'${String(value).replace(/['\\]/g, '\\$&')}'`

const quotedName = (name: string) => (/^[A-Za-z_]\w*$/.test(name) ? name : quoted(name))

const camelCase = (name: string) =>
  name.replace(/[^A-Za-z0-9]+$/, '').replace(/[^A-Za-z0-9]+(.)/g, (_, letter) => letter.toUpperCase())
