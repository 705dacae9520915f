import { type Layer, layerOf, over, same, without } from './layer.ts'
import { ofServer } from './table/table.ts'
import { resolveTarget, type Target } from './target.ts'
import { addressOf } from './url.ts'

const fewest = 3

/** How to speak TLS is the same for all; who is let in where is said by each URL alone. */
const ofOneServer = new Set([...ofServer].filter(path => !path.startsWith('redis.tls.')))

/** The servers that vote, in their order; undefined when none are named. */
export function quorumTargets(
  layers: readonly Layer[],
  problems: string[],
  warnings: string[],
): readonly Target[] | undefined {
  const found = over(...layers).get('servers.quorum')
  if (!found) return undefined
  const { value: urls, source } = found
  const addresses = urls.map(addressOf)
  if (urls.length < fewest) {
    problems.push(
      `${source} lists ${urls.length}; with fewer than ${fewest} servers no majority outlives the loss of one`,
    )
  }
  if (addresses.some((address, index) => addresses.slice(0, index).some(other => same(other, address)))) {
    problems.push(`${source} lists a server twice, which would have two votes`)
  }
  if (urls.some(({ sentinels }) => sentinels)) {
    problems.push(
      `${source} names Sentinels; list servers that are not replicated: one that is replaced forgets its votes`,
    )
  }
  if (urls.length % 2 === 0)
    warnings.push(`${source} lists ${urls.length}: an even number outlives no more losses than one fewer`)
  const shared = layers.map(layer => without(layer, ofOneServer))
  return urls.flatMap((value, index) => {
    const own = layerOf(new Map([['redis.url', { value, source: `${source}[${index}]` }]]))
    return resolveTarget([own, ...shared], problems, warnings) ?? []
  })
}
