import { connectResp, type RedisProcess, startRedis } from '@keyplan/local'
import { expect, onTestFinished, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { channel, definePlan, feed, json, type LogGap } from '../../src/index.ts'
import { sealed } from '../../src/mechanisms/log/announcement.ts'
import { until } from '../live-server.ts'

const plan = definePlan('cut', {
  tasks: channel('{cut}:tasks', { value: json<number>(), reliable: { keep: 1_000 } }),
  thoughts: feed('{cut}:thoughts', { value: json<number>(), ttl: '1h' }),
})
const logs = { tasks: '{cut}:tasks:~channel', thoughts: '{cut}:thoughts' } as const
const hour = 3_600_000

/** A master and a replica that takes its place at its address, with what it had when it was cut off. */
async function startPair() {
  const [master, replica] = await Promise.all([startRedis({ args: { 'repl-diskless-sync-delay': '0' } }), startRedis()])
  onTestFinished(async () => {
    await replica.cleanUp()
    await master.cleanUp()
  })
  await replica.ask('REPLICAOF', '127.0.0.1', String(master.port))
  const asked = await connectResp({ port: replica.port })
  onTestFinished(() => asked.close())
  return {
    master,
    url: master.url,
    async cutOff() {
      await until(async () => {
        const [, offset, replicas] = (await master.ask('ROLE')) as [string, number, string[][]]
        return replicas.length === 1 && Number(replicas[0]![2]) >= offset
      })
      await asked.ask('REPLICAOF', 'NO', 'ONE')
    },
    async failOver() {
      await master.kill()
      await asked.ask('CONFIG', 'SET', 'port', String(master.port))
    },
  }
}

async function open(url: string) {
  const client = await connect(plan, { url, log: false, start: 'required', backoff: { min: '20ms', max: '100ms' } })
  onTestFinished(() => client.$close())
  return client
}

/** An entry as the library writes it, on a server whose clock is elsewhere. */
async function appendAt(server: RedisProcess, name: keyof typeof logs, id: string, value: number): Promise<void> {
  const [[prev]] = (await server.ask('XREVRANGE', logs[name], '+', '-', 'COUNT', '1')) as [[string]]
  await server.ask('XADD', logs[name], id, 'p', prev, 'v', String(value))
  if (name === 'tasks') await server.ask('PUBLISH', '{cut}:tasks', sealed(id, prev, String(value)))
}

async function listen(url: string) {
  const client = await open(url)
  const heard = { tasks: [] as [string, number][], thoughts: [] as [string, number][] }
  const gaps = { tasks: [] as LogGap[], thoughts: [] as LogGap[] }
  await client.tasks({}).subscribe(({ id, message }) => heard.tasks.push([id!, message]), {
    gap: ({ missing }) => gaps.tasks.push(missing!),
  })
  void (async () => {
    for await (const { id, value } of client.thoughts({}).follow({ gap: gap => gaps.thoughts.push(gap) })) {
      heard.thoughts.push([id, value])
    }
  })()
  const numbers = (name: keyof typeof logs) => heard[name].map(([, value]) => value)
  return {
    heard,
    gaps,
    numbers,
    upTo: (last: number) => until(() => numbers('tasks').at(-1) === last && numbers('thoughts').at(-1) === last),
  }
}

async function write(client: Awaited<ReturnType<typeof open>>, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n++) {
    await client.tasks({}).publish(n)
    await client.thoughts({}).append(n)
  }
}

/** How the ids that a master gave out and its replica never had compare with those that come then. */
test.each([
  ['higher, since its clock was ahead', true],
  ['next to the last of both, which is of the future', false],
])(
  'a failover loses what was read, with ids %s: what comes is told after a gap, all of it and once',
  async (_, isAhead) => {
    const { master, url, cutOff, failOver } = await startPair()
    const [writer, early, later] = [await open(url), await listen(url), await listen(url)]
    await write(writer, 1, 4)
    const names = ['tasks', 'thoughts'] as const
    if (!isAhead) for (const name of names) await appendAt(master, name, `${Date.now() + hour}-0`, 5)
    else await write(writer, 5, 5)
    await early.upTo(5)
    await cutOff()
    if (isAhead)
      for (const n of [6, 7]) for (const name of names) await appendAt(master, name, `${Date.now() + hour}-${n}`, n)
    else await write(writer, 6, 7)
    await Promise.all([early.upTo(7), later.upTo(7)])
    await failOver()
    await until(() => writer.$status.state === 'connected')
    await write(writer, 8, 10)
    await Promise.all([early.upTo(10), later.upTo(10)])
    for (const { heard, gaps, numbers } of [early, later]) {
      for (const name of names) {
        expect(numbers(name)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
        const ids = heard[name].map(([id]) => id)
        expect(new Set(ids).size).toBe(10)
        expect(gaps[name]).toEqual([{ after: ids[6], before: ids[7] }])
      }
    }
    // Who comes back with what was lost is told as well, and goes on.
    const [after] = early.heard.thoughts.at(6)!
    const missing: LogGap[] = []
    const resumed: number[] = []
    void (async () => {
      for await (const { value } of writer.thoughts({}).follow({ after, gap: gap => missing.push(gap) }))
        resumed.push(value)
    })()
    await until(async () => {
      await writer.thoughts({}).append(11)
      return resumed.at(-1) === 11
    })
    expect(missing).toEqual([{ after, before: expect.any(String) }])
  },
)
