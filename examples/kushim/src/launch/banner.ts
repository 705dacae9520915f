export interface Running {
  readonly urls: readonly string[]
  /** Undefined in memory. */
  readonly redis: { readonly where: string; readonly look: string | undefined } | undefined
  readonly database: string
  readonly data: string
}

/** What runs where, in which mode, and what to try next. */
export function banner({ urls, redis, database, data }: Running): string {
  const [first, second = first] = urls
  const mode = redis
    ? `${urls.length} instances that share one Redis: locks and caches hold across them`
    : 'one instance, in memory: locks and caches hold in this process only'
  // Of a user of its own: the steps of the README count what is related to theirs.
  const post = (url: string | undefined) =>
    `curl -s ${url}/records -H 'content-type: application/json' \\
    -d '{"userId":"mary","platform":"calendar","dataSourceId":"work","externalId":"a-visit","content":"A visit to @charles #london"}'`
  return `
  Kushim is running: ${mode}.

  API        ${urls.join('   ')}
  Redis      ${redis?.where ?? 'none'}
  Database   ${database}
  Data       ${data}

  Try, in another terminal:

  # The same record to ${second === first ? 'it, twice' : 'both'} at once: one 201, one 200, one set of links.
  ${post(first)} &
  ${post(second)}; wait

  curl -s ${second}/health/redis
${redis?.look ? `  ${redis.look}\n` : ''}
  examples/kushim/README.md goes on from here. Ctrl-C ends everything this started.
`
}
