import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect as connectSocket } from 'node:net'
import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { eventResponse, eventStream, sendEvents } from '../../src/adapters/sse.ts'
import { type Client, connect } from '../../src/client/index.ts'
import { channel, definePlan, feed, json } from '../../src/index.ts'
import { until } from '../live-server.ts'

const plan = definePlan('bridge', {
  thoughts: feed('thoughts:<id>', { value: json<number | string>(), ttl: '1h', keep: 100 }),
  tasks: channel('tasks:<id>', { value: json<number | string>(), reliable: { keep: 100 } }),
  passing: channel('passing:<id>', { value: json<number | string>() }),
})
type Bridge = Client<(typeof plan)['namespaces']>

let redis: RedisProcess
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.cleanUp())

interface ServerSentEvent {
  id?: string
  event?: string
  data: string
}

/** Reads a body as a browser does. */
function reading(body: ReadableStream<Uint8Array>) {
  const events: ServerSentEvent[] = []
  const comments: string[] = []
  const reader = body.getReader()
  let over = false
  const done = (async () => {
    const decoder = new TextDecoder()
    let text = ''
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      text += decoder.decode(value, { stream: true })
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const lines = text.slice(0, end).split('\n')
        text = text.slice(end + 2)
        const fields = (name: string) =>
          lines.filter(line => line.startsWith(`${name}: `)).map(line => line.slice(name.length + 2))
        const [id] = fields('id')
        const [event] = fields('event')
        if (lines[0]!.startsWith(':')) comments.push(lines[0]!)
        else events.push({ ...(id && { id }), ...(event && { event }), data: fields('data').join('\n') })
      }
    }
    over = true
  })()
  return {
    events,
    comments,
    get data() {
      return events.map(({ data }) => data)
    },
    get over() {
      return over
    },
    done,
    cancel: () => reader.cancel(),
  }
}

describe.each([
  ['Redis', () => ({ url: redis.url })],
  ['memory', () => ({ memory: true as const })],
])('over %s', (_name, options) => {
  async function open(): Promise<Bridge> {
    await redis.ask('FLUSHALL')
    const client = await connect(plan, { log: false, start: 'required', ...options() })
    onTestFinished(() => client.$close())
    return client
  }

  test('a client gets what comes, and after a pause goes on behind its last id', async () => {
    const client = await open()
    const one = client.thoughts({ id: 'a' })
    await one.append('before')
    const first = eventResponse(one, new Request('http://x/'), { from: 'start', retry: '1s' })
    expect(first.headers.get('content-type')).toMatch('text/event-stream')
    const heard = reading(first.body!)
    await one.append('lines\nand more')
    await until(() => heard.events.length >= 3)
    expect(heard.data.filter(Boolean)).toEqual(['"before"', '"lines\\nand more"'])
    const { id } = heard.events.at(-1)!
    await heard.cancel()
    await until(() => client.$stats().namespaces.thoughts?.feed?.followers === 0)
    for (const n of [1, 2]) await one.append(n)
    const again = reading(eventResponse(one, new Request('http://x/', { headers: { 'last-event-id': id! } })).body!)
    await one.append(3)
    await until(() => again.events.length === 3)
    expect(again.data).toEqual(['1', '2', '3'])
    await again.cancel()
  })

  test('a reliable channel is resumed, and an id that is none begins with what comes', async () => {
    const client = await open()
    const one = client.tasks({ id: 'a' })
    const ids = [(await one.publish(1)).id, (await one.publish(2)).id]
    const resumed = reading(eventStream(one, { lastEventId: ids[0] }))
    const fresh = reading(eventStream(one, { lastEventId: 'nonsense\nid: 1' }))
    await until(() => resumed.events.length === 1 && client.$stats().namespaces.tasks?.channel?.subscriptions === 2)
    await until(async () => {
      await one.publish('more')
      return fresh.events.length > 0
    })
    expect(resumed.events[0]).toEqual({ id: ids[1], data: '2' })
    expect(fresh.data.every(data => data === '"more"')).toBe(true)
    await Promise.all([resumed.cancel(), fresh.cancel()])
  })

  test('data, type and gaps are told as events, a heartbeat as a comment', async () => {
    const client = await open()
    const one = client.thoughts({ id: 'a' })
    const { id } = await one.append('a')
    for (let n = 0; n < 120; n++) await one.append('x\ny\r\nz')
    const heard = reading(
      eventStream(one, {
        lastEventId: id,
        heartbeat: '20ms',
        data: String,
        event: value => (value === 'end' ? 'over\nand out' : undefined),
      }),
    )
    await until(() => heard.events.length === 101)
    await one.append('end')
    await until(() => heard.events.length === 102 && heard.comments.length > 2)
    const [gap, line] = heard.events
    expect(gap).toMatchObject({ event: 'gap' })
    expect(JSON.parse(gap!.data)).toEqual({ after: id, before: line!.id })
    expect(line!.data).toBe('x\ny\nz')
    expect(heard.events.at(-1)).toMatchObject({ event: 'over and out', data: 'end' })
    await heard.cancel()
  })

  test('the end of the client ends the stream, and that of the request the following', async () => {
    const client = await open()
    const controller = new AbortController()
    const stopped = reading(
      eventResponse(client.thoughts({ id: 'a' }), new Request('http://x/', { signal: controller.signal })).body!,
    )
    const open_ = reading(eventStream(client.thoughts({ id: 'b' })))
    const followers = () => client.$stats().namespaces.thoughts?.feed?.followers
    await until(() => followers() === 2)
    controller.abort()
    await stopped.done
    expect(followers()).toBe(1)
    await client.$close()
    await open_.done
  })

  test('options that make no sense are refused', async () => {
    const client = await open()
    const refusal = expect.objectContaining({ code: 'PARAM_INVALID' })
    expect(() => eventStream(client.thoughts({ id: 'a' }), { heartbeat: '15' as '15s' })).toThrow(refusal)
    // It keeps nothing, so no client can have an id of it.
    expect(() => eventStream(client.passing({ id: 'a' }), { lastEventId: '1-1' })).toThrow(refusal)
    expect(() => eventStream(client.passing({ id: 'a' }), { from: 'first' as 'start' })).toThrow('from is')
  })
})

describe('a server of Node', () => {
  async function serve(client: Bridge): Promise<{ server: Server; url: string; port: number }> {
    const server = createServer((request, response) => {
      void sendEvents(client.thoughts({ id: 'a' }), request, response, { from: 'start' })
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const { port } = server.address() as AddressInfo
    return { server, url: `http://127.0.0.1:${port}/`, port }
  }

  test('sends events, resumes, and lets go of a client that has gone', async () => {
    const client = await connect(plan, { url: redis.url, log: false, start: 'required' })
    onTestFinished(() => client.$close())
    await client.thoughts({ id: 'a' }).delete()
    const { url } = await serve(client)
    for (const n of [1, 2, 3]) await client.thoughts({ id: 'a' }).append(n)
    const controller = new AbortController()
    const response = await fetch(url, { signal: controller.signal })
    const heard = reading(response.body!)
    await until(() => heard.events.length === 3)
    const [, second] = heard.events
    controller.abort()
    await heard.done.catch(() => {})
    await until(() => client.$stats().namespaces.thoughts?.feed?.followers === 0)
    const again = reading((await fetch(url, { headers: { 'Last-Event-ID': second!.id! } })).body!)
    await until(() => again.events.length === 1)
    expect(again.data).toEqual(['3'])
    await again.cancel()
  })

  test('follows for nobody: not for a client that had gone before, nor when it cannot begin or go on', async () => {
    const client = await connect(plan, { url: redis.url, log: false, start: 'required' })
    onTestFinished(() => client.$close())
    const one = client.thoughts({ id: 'a' })
    await one.delete()
    await one.append(1)
    const ends: unknown[] = []
    const server = createServer(async (request, response) => {
      if (request.url === '/gone') {
        response.destroy()
        await until(() => response.destroyed)
      }
      if (request.url === '/answered') response.end('something else')
      const data = () => {
        throw new Error('no text')
      }
      await sendEvents(one, request, response, { from: 'start', ...(request.url === '/throws' && { data }) }).catch(
        error => ends.push(error.message),
      )
      ends.push(request.url)
      response.end()
    })
    onTestFinished(() => void server.close())
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    for (const path of ['/gone', '/answered', '/throws']) {
      await fetch(`http://127.0.0.1:${port}${path}`).then(
        response => response.text(),
        () => {},
      )
      await until(() => ends.includes(path))
    }
    expect(ends).toEqual(['/gone', expect.stringContaining('headers'), '/answered', 'no text', '/throws'])
    await until(() => (client.$stats().namespaces.thoughts?.feed?.followers ?? 0) === 0)
  })

  test('reads no further than a client that does not read', async () => {
    const client = await connect(plan, { url: redis.url, log: false, start: 'required' })
    onTestFinished(() => client.$close())
    const one = client.thoughts({ id: 'a' })
    await one.delete()
    const { port } = await serve(client)
    const socket = connectSocket(port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.pause()
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    const big = 'x'.repeat(200_000)
    const followed = () => client.$stats().namespaces.thoughts?.feed?.followed ?? 0
    await until(() => client.$stats().namespaces.thoughts?.feed?.followers === 1)
    let appended = 0
    // What it has read stays behind by more than the feed's own buffer of 1 MB: it has stopped.
    await until(async () => {
      await one.append(big)
      return ++appended - followed() > 20
    })
    expect(client.$stats().namespaces.thoughts?.feed?.gaps).toBe(0)
  })
})
