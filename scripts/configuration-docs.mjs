// node scripts/configuration-docs.mjs: writes the tables of docs/configuration.md from the one table of settings.
// Everything outside of the marks is written by hand. A test holds the page to what this would write.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './bootstrap.mjs'

const page = join(root, 'docs/configuration.md')

const groups = {
  'The server': /^redis\.(url|address|host|port|username|password|password_file|db|enabled|replicas\..*|read_from)$/,
  'Sentinel, Cluster, ElastiCache': /^redis\.(sentinel|cluster|elasticache)\.|^redis\.nat_map$|^servers\.quorum$/,
  TLS: /^redis\.tls\./,
  'Links and patience':
    /^redis\.(pool|timeouts|health|backoff|pipeline|circuit_breaker|waiting)\.|^redis\.(offline_queue|autoresync)$/,
  'The application': /^(prefix|start|memory|features\..*)$/,
  'Kept for the server, or declared in a plan': /./,
}

const kinds = {
  text: 'text',
  file: 'path',
  secret: 'secret',
  flag: 'true, false',
  duration: 'duration',
  count: 'number from 1',
  amount: 'number from 0',
  port: 'port',
  database: 'number from 0',
  size: 'size',
  url: 'URL',
  server: 'host:port',
  servers: 'list of host:port',
  words: 'list',
  map: 'map',
  tls: 'object',
  tree: 'tree',
}

const effects = { server: 'kept for the server', plan: 'a plan declares it', none: 'no effect', code: 'code only' }

const code = text => `\`${text}\``
const row = cells => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
const table = (head, rows) => [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n')

/** The variables, in the order of the alphabet. */
function variables(settings) {
  const rows = settings.flatMap(({ path, env = {}, effect }) =>
    Object.entries(env).map(([name, { unit, of }]) => [
      code(name),
      effect === 'code' ? '' : code(path),
      unit ?? '',
      of.filter(document => document !== 'keyplan').join(', '),
    ]),
  )
  return table(
    ['variable', 'setting', 'bare number', 'document'],
    rows.toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )
}

/** The settings, in groups. */
function settingsOf(settings) {
  const rest = new Set(settings)
  return Object.entries(groups).map(([title, mine]) => {
    const members = [...rest].filter(({ path }) => mine.test(path))
    for (const member of members) rest.delete(member)
    const rows = members.map(({ path, option, kind, choices, default: otherwise, effect, of = [], means }) => [
      effect === 'code' ? '' : code(path),
      option ? code(option) : '',
      choices ? choices.map(code).join(', ') : kinds[kind],
      otherwise === undefined ? '' : code(otherwise),
      `${effect && effect !== 'code' ? `*${effects[effect]}*: ` : ''}${means}`,
      of.join(', '),
    ])
    return `### ${title}\n\n${table(['in a file', 'option', 'value', 'default', '', 'document'], rows)}`
  })
}

/** The page with its tables made anew. */
export function render(text, settings) {
  return [
    ['variables', variables(settings)],
    ['settings', settingsOf(settings).join('\n\n')],
  ].reduce((whole, [name, content]) => {
    const [begin, end] = [`<!-- ${name}: made by scripts/configuration-docs.mjs -->`, `<!-- end of ${name} -->`]
    const [from, to] = [whole.indexOf(begin), whole.indexOf(end)]
    if (from < 0 || to < from) throw new Error(`the page has no place for ${name}`)
    return `${whole.slice(0, from + begin.length)}\n\n${content}\n\n${whole.slice(to)}`
  }, text)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const built = pathToFileURL(join(root, 'packages/keyplan/dist/config/index.js'))
  const { settingsTable } = await import(built.href)
  writeFileSync(page, render(readFileSync(page, 'utf8'), settingsTable))
}
