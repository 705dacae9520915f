import { askOnce } from '../server/ask-once.ts'
import type { RedisProcess } from '../server/redis-process.ts'
import type { RespReply } from '../server/resp-reply.ts'

/** What a Sentinel states of a master, a replica or another Sentinel, by the names of its reply. */
export type Stated = ReadonlyMap<string, string>

/** A Sentinel that does not answer within this many milliseconds has no say. */
const sayWithin = 1_000

export async function statedMaster(sentinel: RedisProcess, masterName: string): Promise<Stated> {
  return stated(await askOnce(sentinel, sayWithin, ['SENTINEL', 'MASTER', masterName]))
}

export async function statedOthers(
  sentinel: RedisProcess,
  kind: 'REPLICAS' | 'SENTINELS',
  masterName: string,
): Promise<Stated[]> {
  const reply = await askOnce(sentinel, sayWithin, ['SENTINEL', kind, masterName])
  return Array.isArray(reply) ? reply.map(stated) : []
}

/** The address that the Sentinel with the newest configuration states, of those that answer. */
export async function newestMaster(
  sentinels: readonly RedisProcess[],
  masterName: string,
): Promise<{ port: number; epoch: number } | undefined> {
  const says = await Promise.allSettled(sentinels.map(sentinel => statedMaster(sentinel, masterName)))
  return says
    .flatMap(say => (say.status === 'fulfilled' ? [say.value] : []))
    .map(master => ({ port: Number(master.get('port')), epoch: Number(master.get('config-epoch')) }))
    .sort((a, b) => b.epoch - a.epoch)[0]
}

function stated(reply: RespReply): Stated {
  const words = Array.isArray(reply) ? reply.map(String) : []
  return new Map(words.flatMap((word, index) => (index % 2 === 0 ? [[word, words[index + 1] ?? ''] as const] : [])))
}
