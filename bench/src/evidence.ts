import type { Redis } from 'ioredis-6'

/** What the server itself counted since `resetEvidence`. */
export interface Evidence {
  /** Keys that were asked for and found, by whatever command. */
  readonly hits: number
  readonly misses: number
  /** Calls by lower-case command name; commands called from Lua count too. */
  readonly calls: ReadonlyMap<string, number>
}

const ownCommands = new Set(['config|resetstat', 'info', 'ping', 'hello', 'client|setinfo', 'client|setname', 'select'])

export async function resetEvidence(server: Redis): Promise<void> {
  await server.config('RESETSTAT')
}

export async function readEvidence(server: Redis): Promise<Evidence> {
  const info = await server.info('stats', 'commandstats')
  const number = (pattern: RegExp) => Number(pattern.exec(info)?.[1] ?? 0)
  const calls = new Map<string, number>()
  for (const [, command, count] of info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)) {
    if (command && !ownCommands.has(command)) calls.set(command, Number(count))
  }
  return { hits: number(/^keyspace_hits:(\d+)/m), misses: number(/^keyspace_misses:(\d+)/m), calls }
}

/** The sum of `evidences`. */
export function addEvidence(evidences: readonly Evidence[]): Evidence {
  const calls = new Map<string, number>()
  for (const evidence of evidences) {
    for (const [command, count] of evidence.calls) calls.set(command, (calls.get(command) ?? 0) + count)
  }
  return {
    hits: evidences.reduce((sum, { hits }) => sum + hits, 0),
    misses: evidences.reduce((sum, { misses }) => sum + misses, 0),
    calls,
  }
}

/** The busiest commands per operation, e.g. `get 1.00, pttl 1.00`. */
export function describeCalls(evidence: Evidence, operations: number): string {
  return [...evidence.calls]
    .map(([command, count]) => ({ command, each: count / operations }))
    .filter(({ each }) => each >= 0.005)
    .sort((a, b) => b.each - a.each || a.command.localeCompare(b.command))
    .slice(0, 5)
    .map(({ command, each }) => `${command} ${each.toFixed(2)}`)
    .join(', ')
}
