import { type FaultProxy, startProxy } from '@keyplan/local'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask } from './support/instance.ts'
import { type System, startSystem } from './support/system.ts'
import { until } from './support/until.ts'

let proxy: FaultProxy
let system: System
beforeAll(async () => {
  // The first instance finds the database behind a link that can be made slow: what it has read takes a while to
  // arrive, and the second one changes it meanwhile.
  system = await startSystem(async url => {
    proxy = await startProxy({ to: Number(new URL(url).port) })
    return `postgres://postgres@127.0.0.1:${proxy.port}/postgres`
  })
})
afterAll(async () => {
  await system?.stop()
  await proxy?.close()
})

const slow = () => system.instances[0]
const quick = () => system.instances[1]

let made = 0
async function makeRecord(user: string): Promise<string> {
  const body = { userId: user, platform: 'notes', dataSourceId: 'd', externalId: String(made++), content: '#shared' }
  const reply = await ask(quick(), 'POST', '/records', { body })
  expect(reply.status).toBe(201)
  return (reply.body.record as { id: string }).id
}

const group = (instance: { url: string }, id: string, user: string, depth = 2) =>
  ask(instance, 'GET', `/records/${id}/context?depth=${depth}`, { user })

const rename = (id: string, user: string, title: string) =>
  ask(quick(), 'PUT', `/records/${id}/context`, { user, body: { title } })

describe('a context group that is loaded while it is changed', () => {
  it('is answered, but never stored, when what it holds was read before the change', async () => {
    let overtaken = 0
    for (let round = 0; overtaken < 3 && round < 20; round++) {
      const id = await makeRecord('ada')
      expect((await rename(id, 'ada', 'old')).status).toBe(200)
      await proxy.delay({ down: 250 })
      const { bytesUp } = proxy.totals
      let renamed = false
      const loading = group(slow(), id, 'ada', 0).then(({ body }) => ({ title: body.title, late: renamed }))
      // The load has begun. The change waits for the end of its transaction, and is done while the news of that end
      // is still on its way.
      await until(
        async () => proxy.totals.bytesUp,
        now => now > bytesUp,
      )
      expect((await rename(id, 'ada', 'new')).status).toBe(200)
      renamed = true
      const loaded = await loading
      await proxy.pass()
      if (loaded.title === 'old' && loaded.late) overtaken++
      for (const instance of [quick(), slow()]) {
        expect((await group(instance, id, 'ada', 0)).body.title).toBe('new')
      }
    }
    expect(overtaken).toBe(3)
  })

  it('is never served old after any of many changes, with reads of both instances all the time', async () => {
    const id = await makeRecord('grace')
    let done = false
    let committed = 0
    const watch = async (instance: { url: string }) => {
      for (; !done; ) {
        // What was committed before the question is in the answer.
        const least = committed
        const { status, body } = await group(instance, id, 'grace')
        expect(status).toBe(200)
        if (least > 0) expect(Number(body.title)).toBeGreaterThanOrEqual(least)
      }
    }
    const watching = Promise.all([slow(), slow(), quick(), quick()].map(watch))
    for (let title = 1; title <= 100; title++) {
      expect((await rename(id, 'grace', String(title))).status).toBe(200)
      committed = title
    }
    done = true
    await watching
  })
})

describe('new data', () => {
  it('is in the context groups and the platform data of its user at once, on both instances', async () => {
    const user = 'joan'
    const source = `/platforms/notes/users/${user}/sources/d`
    const id = await makeRecord(user)
    for (let members = 0; members < 5; members++) {
      for (const instance of [slow(), quick()]) {
        for (let asked = 0; asked < 2; asked++) {
          const { body } = await group(instance, id, user)
          expect((body.members as unknown[]).length).toBe(members)
          const platform = await ask(instance, 'GET', source)
          expect(platform.body).toMatchObject({ records: members + 1, links: (members * (members + 1)) / 2 })
        }
      }
      await makeRecord(user)
    }
  })
})

describe('a cached context group', () => {
  it('needs no database, and its hit is in the log', async () => {
    const id = await makeRecord('mary')
    await group(slow(), id, 'mary')
    await proxy.blackhole()
    try {
      const { status, headers } = await group(slow(), id, 'mary')
      expect(status).toBe(200)
      expect(headers.get('x-cache')).toBe('hit')
    } finally {
      await proxy.pass()
    }
    await slow().said(`[GraphService] Cache hit for context group: ${id}:2`)
  })
})
