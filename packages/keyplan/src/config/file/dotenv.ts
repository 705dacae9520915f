import { expand } from './expand.ts'

const assignment = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=\s*(.*)$/
const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' }

/**
 * Reads `NAME=value` lines into `values`. `${OTHER}` and `${OTHER:-default}` are expanded, by what stands above and by
 * `variable`; not in single quotes. `#` begins a comment after a space, so that a password may hold one. Double quotes
 * know `\n` and may span lines.
 *
 * @returns the numbers of lines that are none of this
 */
export function readDotenv(
  text: string,
  values: Map<string, string>,
  variable: (name: string) => string | undefined,
): number[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  const unreadable: number[] = []
  const known = (name: string) => variable(name) ?? values.get(name)
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]!
    if (/^\s*(#|$)/.test(line)) continue
    const [, name, first] = assignment.exec(line) ?? []
    if (name === undefined || first === undefined) {
      unreadable.push(index + 1)
      continue
    }
    const quote = /^["']/.exec(first)?.[0]
    if (quote === undefined) {
      values.set(name, expand(first.replace(/(^|\s)#.*$/, '').trim(), known).text)
      continue
    }
    let rest = first.slice(1)
    const begun = index
    while (endOf(rest, quote) < 0 && index + 1 < lines.length) rest += `\n${lines[++index]}`
    const end = endOf(rest, quote)
    if (end < 0 || !/^\s*(#.*)?$/.test(rest.slice(end + 1))) {
      // A quote in a value of its own, `a"b`, is none that opens. What follows is read as lines again.
      unreadable.push(begun + 1)
      index = begun
    } else if (quote === "'") values.set(name, rest.slice(0, end))
    else
      values.set(
        name,
        expand(
          rest.slice(0, end).replace(/\\(.)/gs, (_, c) => escapes[c] ?? c),
          known,
        ).text,
      )
  }
  return unreadable
}

function endOf(text: string, quote: string): number {
  for (let index = 0; index < text.length; index++) {
    if (text[index] === '\\' && quote === '"') index++
    else if (text[index] === quote) return index
  }
  return -1
}
