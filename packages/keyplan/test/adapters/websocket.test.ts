import { expect, onTestFinished, test } from 'vitest'
import { type EventSocket, sendToSocket } from '../../src/adapters/websocket.ts'
import { connect } from '../../src/client/index.ts'
import { definePlan, feed, json } from '../../src/index.ts'
import { until } from '../live-server.ts'

const plan = definePlan('bridge', { thoughts: feed('thoughts:<id>', { value: json<number>(), ttl: '1h', keep: 50 }) })

/** One end of a connection whose network may be held up. */
function socketPair() {
  const sent: string[] = []
  const listeners: (() => void)[] = []
  const network = { readyState: 1, bufferedAmount: 0 }
  const socket: EventSocket = {
    get readyState() {
      return network.readyState
    },
    get bufferedAmount() {
      return network.bufferedAmount
    },
    send: data => void sent.push(data),
    addEventListener: (_type, listener) => void listeners.push(listener),
  }
  return {
    socket,
    network,
    sent,
    close() {
      network.readyState = 3
      for (const listener of listeners) listener()
    },
  }
}

async function open() {
  const client = await connect(plan, { memory: true, log: false })
  onTestFinished(() => client.$close())
  return client
}

test('a client gets what comes, goes on behind its last id, and is let go of when it closes', async () => {
  const client = await open()
  const one = client.thoughts({ id: 'a' })
  const { id } = await one.append(1)
  const second = await one.append(2)
  const { socket, sent, close } = socketPair()
  const sending = sendToSocket(one, socket, { lastEventId: id })
  await until(() => sent.length === 1)
  expect(sent).toEqual([JSON.stringify({ id: second.id, value: 2 })])
  close()
  await sending
  expect(client.$stats().namespaces.thoughts?.feed?.followers).toBe(0)
})

test('a client that does not read is not sent more, and is told what was gone by then', async () => {
  const client = await open()
  const one = client.thoughts({ id: 'a' })
  const { socket, network, sent, close } = socketPair()
  const sending = sendToSocket(one, socket, { from: 'start' })
  network.bufferedAmount = 100_000
  await one.append(0)
  await until(() => sent.length === 1)
  for (let n = 1; n <= 300; n++) {
    await one.append(n)
    if (n % 10 === 0) await new Promise(resolve => setImmediate(resolve))
  }
  expect(sent.length).toBe(1)
  network.bufferedAmount = 0
  await until(() => sent.at(-1)?.includes('"value":300'))
  expect(sent.filter(text => text.startsWith('{"gap":{"after"')).length).toBe(1)
  close()
  await sending
})

test('what is no socket is refused', async () => {
  const client = await open()
  const sending = sendToSocket(client.thoughts({ id: 'a' }), undefined as unknown as EventSocket)
  await expect(sending).rejects.toMatchObject({ code: 'PARAM_INVALID' })
})
