import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { SessionNamespace } from '../../src/kinds/session/contract.ts'
import type { SessionOptions } from '../../src/kinds/session/options.ts'

export interface Basket {
  userId?: string
  items?: string[]
  theme?: string
  visits?: number
  [field: `field${number}`]: number
}

export type Sessions = SessionNamespace<'session:<sessionId>', Basket>
export type SessionTerms = Partial<SessionOptions<Basket>>

/** One store under test, and clients of it that know nothing of each other. */
export interface SessionHarness {
  client(options?: SessionTerms): Promise<Sessions>
  /** Lets at least this much time pass. */
  advance(ms: number): Promise<void>
  close(): Promise<void>
}

const perUser = { by: ({ userId }: Basket) => userId }

/** What every session store and its handle promise. */
export function sessionConformance(name: string, open: () => Promise<SessionHarness>): void {
  describe(`sessions on ${name}`, () => {
    let harness: SessionHarness
    beforeEach(async () => {
      harness = await open()
    })
    afterEach(() => harness.close())

    test('what was created is read by every client, until it is destroyed', async () => {
      const [one, two] = [await harness.client(), await harness.client()]
      const device = { ip: '::1', userAgent: 'a "quoted" browser, "data":{}' }
      const session = await one.create({ items: [], theme: 'dark' }, { device })
      expect(session).toMatchObject({ data: { items: [], theme: 'dark' }, version: 1, device, user: undefined })
      expect(session.id).toMatch(/^[\w-]{22}$/)
      expect(session).not.toHaveProperty('degraded')
      expect(session.expiresAt - session.lastSeen).toBe(3_600_000)
      expect(await two({ sessionId: session.id }).read()).toEqual(session)
      expect(await two({ sessionId: session.id }).read({ touch: false })).toEqual(session)
      expect(await two({ sessionId: session.id }).touch()).toBe(true)
      expect(await two({ sessionId: session.id }).destroy()).toBe(true)
      expect(await one({ sessionId: session.id }).destroy()).toBe(false)
      expect(await one({ sessionId: session.id }).read()).toBeUndefined()
      expect(await one({ sessionId: session.id }).touch()).toBe(false)
    })

    test('an id that is not there is never taken on, whatever is done with it', async () => {
      const sessions = await harness.client({ perUser })
      for (const sessionId of [sessions.newId(), 'planted', '', 'x'.repeat(5_000), 'a\nb', '{}*', '☃']) {
        const entry = sessions({ sessionId })
        expect(await entry.read()).toBeUndefined()
        expect(await entry.update({ userId: 'eve' })).toBeUndefined()
        expect(await entry.update(() => ({ userId: 'eve' }), { replace: true })).toBeUndefined()
        expect(await entry.rotate({ change: { userId: 'eve' } })).toBeUndefined()
        expect(await entry.touch()).toBe(false)
        expect(await entry.destroy()).toBe(false)
        expect(await entry.read()).toBeUndefined()
      }
      expect(await sessions.user('eve').list()).toEqual([])
    })

    test('an update sets, removes and keeps fields, and raises the version', async () => {
      const sessions = await harness.client()
      const { id } = await sessions.create({ items: ['a'], theme: 'dark', visits: 1 })
      const entry = sessions({ sessionId: id })
      await entry.read()
      const updated = await entry.update({ theme: undefined, items: [] })
      expect(updated).toMatchObject({ data: { items: [], visits: 1 }, version: 2 })
      expect(Object.keys(updated!.data)).toEqual(['items', 'visits'])
      expect(await entry.update(({ visits = 0 }) => ({ visits: visits + 1 }))).toMatchObject({
        data: { items: [], visits: 2 },
        version: 3,
      })
      expect(await sessions({ sessionId: id }).update({ theme: 'light' }, { replace: true })).toMatchObject({
        data: { theme: 'light' },
        version: 4,
      })
      expect((await entry.read())!.data).toEqual({ theme: 'light' })
    })

    test('of one field the last write stands, and ifVersion refuses to write over another', async () => {
      const [one, two] = [await harness.client(), await harness.client()]
      const { id, version } = await one.create({ theme: 'dark' })
      const [mine, other] = [one({ sessionId: id }), two({ sessionId: id })]
      await mine.read()
      await other.update({ theme: 'light' })
      await expect(mine.update({ theme: 'red' }, { ifVersion: version })).rejects.toMatchObject({
        code: 'VERSION_CONFLICT',
        outcome: 'not-executed',
      })
      expect(await mine.update({ theme: 'green' })).toMatchObject({ data: { theme: 'green' }, version: 3 })
      expect(await other.update({ theme: 'blue' }, { ifVersion: 3 })).toMatchObject({ version: 4 })
      expect((await mine.read())!.data).toEqual({ theme: 'blue' })
    })

    test('a thousand saves of different fields at once, by three clients, lose none', async () => {
      const clients = [await harness.client(), await harness.client(), await harness.client()]
      const { id } = await clients[0]!.create({})
      const entries = clients.map(sessions => sessions({ sessionId: id }))
      await Promise.all(
        Array.from({ length: 1_000 }, (_, index) => entries[index % 3]!.update({ [`field${index}`]: index })),
      )
      const { data } = (await entries[0]!.read())!
      expect(Object.keys(data).length).toBe(1_000)
      for (let index = 0; index < 1_000; index++) expect(data[`field${index}`]).toBe(index)
    })

    test('counting by a function misses no count', async () => {
      const clients = [await harness.client(), await harness.client()]
      const { id } = await clients[0]!.create({ visits: 0 })
      const entries = clients.map(sessions => sessions({ sessionId: id }))
      const add = ({ visits = 0 }: Basket) => ({ visits: visits + 1 })
      const counts = Array.from({ length: 200 }, (_, index) => entries[index % 2]!.update(add))
      await Promise.all(counts)
      expect((await entries[0]!.read())!.data.visits).toBe(200)
    })

    test('a save that comes after the logout, or with it, brings nothing back: a thousand races', async () => {
      const [one, two] = [await harness.client({ perUser }), await harness.client({ perUser })]
      let resurrected = 0
      for (let round = 0; round < 5; round++) {
        const created = await Promise.all(Array.from({ length: 200 }, () => one.create({ userId: `u${round}` })))
        const saving = created.map(({ id }) => one({ sessionId: id }))
        await Promise.all(saving.map(entry => entry.read()))
        await Promise.all(
          created.flatMap(({ id }, index) => {
            const save = () => saving[index]!.update({ items: ['late'] })
            const logout = () => two({ sessionId: id }).destroy()
            return index % 2 === 0 ? [save(), logout(), save()] : [logout(), save(), save()]
          }),
        )
        await Promise.all(saving.map(entry => entry.update({ theme: 'later still' })))
        const found = await Promise.all(created.map(({ id }) => two({ sessionId: id }).read()))
        resurrected += found.filter(Boolean).length
      }
      expect(resurrected).toBe(0)
    })

    test('an id that was ended is not begun again', async () => {
      const sessions = await harness.client()
      const { id } = await sessions.create({})
      await expect(sessions.create({}, { id })).rejects.toMatchObject({ code: 'PARAM_INVALID' })
      await sessions({ sessionId: id }).destroy()
      await expect(sessions.create({ theme: 'late' }, { id })).rejects.toMatchObject({ code: 'PARAM_INVALID' })
      expect(await sessions({ sessionId: id }).read()).toBeUndefined()
      expect(await sessions.create({}, { id: 'made elsewhere' }).catch(() => 'refused')).toBe('refused')
      expect((await sessions.create({}, { id: 'made-elsewhere' })).id).toBe('made-elsewhere')
    })

    test('at a login the old id dies in the same step, and only the new one has the rights', async () => {
      const sessions = await harness.client({ perUser, rotateGrace: '1m' })
      const planted = await sessions.create({ items: ['a'] })
      const entry = sessions({ sessionId: planted.id })
      const mine = (await entry.rotate({ change: { userId: 'ann' }, grace: false, device: { ip: '::2' } }))!
      expect(mine.id).not.toBe(planted.id)
      expect(mine).toMatchObject({ data: { items: ['a'], userId: 'ann' }, user: 'ann', device: { ip: '::2' } })
      expect(await entry.read()).toBeUndefined()
      expect(await entry.update({ theme: 'x' })).toBeUndefined()
      expect(await entry.rotate()).toBeUndefined()
      expect(await entry.destroy()).toBe(false)
      expect(await sessions({ sessionId: mine.id }).read()).toMatchObject({ data: mine.data, user: 'ann' })
      expect((await sessions.user('ann').list()).map(one => one.name)).toEqual([mine.name])
    })

    test('with a grace the old id leads to the session for a while', async () => {
      const sessions = await harness.client({ rotateGrace: '1m' })
      const { id } = await sessions.create({ visits: 1 })
      const entry = sessions({ sessionId: id })
      const moved = (await entry.rotate())!
      expect(await entry.read()).toMatchObject({ data: { visits: 1 }, name: moved.name })
      expect(await sessions({ sessionId: id }).update({ visits: 2 })).toMatchObject({ data: { visits: 2 } })
      const again = (await sessions({ sessionId: moved.id }).rotate({ grace: '100ms' }))!
      expect((await sessions({ sessionId: again.id }).read())!.data).toEqual({ visits: 2 })
      await harness.advance(110)
      for (const old of [id, moved.id]) expect(await sessions({ sessionId: old }).read()).toBeUndefined()
      expect(await sessions({ sessionId: again.id }).read()).toBeDefined()
    })

    test('the old id ends the session that it still leads to', async () => {
      const sessions = await harness.client({ rotateGrace: '1m' })
      const { id } = await sessions.create({})
      const moved = (await sessions({ sessionId: id }).rotate())!
      expect(await sessions({ sessionId: id }).destroy()).toBe(true)
      expect(await sessions({ sessionId: moved.id }).read()).toBeUndefined()
      expect(await sessions({ sessionId: id }).read()).toBeUndefined()
      expect(await sessions({ sessionId: id }).destroy()).toBe(false)
    })

    test('of many rotations at once one wins, and saves meanwhile are in it', async () => {
      const [one, two] = [await harness.client(), await harness.client()]
      const { id } = await one.create({ visits: 0 })
      const entries = [one({ sessionId: id }), two({ sessionId: id })]
      await Promise.all(entries.map(entry => entry.read()))
      const saved = entries[0]!.update({ theme: 'saved' })
      const moved = await Promise.all(entries.map(entry => entry.rotate()))
      const [winner] = moved.filter(found => found !== undefined)
      expect(moved.filter(found => found !== undefined).length).toBe(1)
      const { data } = (await one({ sessionId: winner!.id }).read())!
      expect(data.theme).toBe((await saved) ? 'saved' : undefined)
    })

    test('what is not used ends', async () => {
      const sessions = await harness.client({ ttl: '300ms' })
      const { id } = await sessions.create({})
      await harness.advance(310)
      expect(await sessions({ sessionId: id }).read()).toBeUndefined()
      expect(await sessions({ sessionId: id }).update({ theme: 'x' })).toBeUndefined()
    })

    test('use extends a session, is noted at most once in touchEvery, and looking is no use', async () => {
      const sessions = await harness.client({ touchEvery: '1500ms' })
      const { id, lastSeen, version, createdAt } = await sessions.create({})
      const entry = sessions({ sessionId: id })
      expect((await entry.read())!.lastSeen).toBe(lastSeen)
      await harness.advance(1_510)
      expect((await entry.read({ touch: false }))!.lastSeen).toBe(lastSeen)
      const seen = (await entry.read())!
      expect(seen.lastSeen).toBeGreaterThanOrEqual(lastSeen + 1_500)
      expect(seen).toMatchObject({ version, createdAt, expiresAt: seen.lastSeen + 3_600_000 })
      expect((await entry.read())!.lastSeen).toBe(seen.lastSeen)
    })

    test('use does not extend it beyond its absolute end', async () => {
      const sessions = await harness.client({ ttl: '300ms', touchEvery: '10ms', absolute: '700ms', perUser })
      const { id, createdAt } = await sessions.create({ userId: 'ann' })
      const entry = sessions({ sessionId: id })
      for (let round = 0; round < 8; round++) {
        const found = await entry.read()
        if (found) expect(found.expiresAt).toBeLessThanOrEqual(createdAt + 700)
        await harness.advance(100)
      }
      expect(await entry.read()).toBeUndefined()
      expect(await entry.update({})).toBeUndefined()
    })

    test('a user’s sessions are listed newest first, ended one by one, all others, or all', async () => {
      const [one, two] = [await harness.client({ perUser }), await harness.client({ perUser })]
      const created = []
      for (const label of ['phone', 'desk', 'sofa', 'work']) {
        created.push(await one.create({ userId: 'ann' }, { device: { label } }))
        await harness.advance(2)
      }
      const bob = await one.create({ userId: 'bob' })
      const labels = async () => (await two.user('ann').list()).map(({ device }) => device.label)
      expect(await labels()).toEqual(['work', 'sofa', 'desk', 'phone'])
      const [info] = await two.user('ann').list()
      expect(info).not.toHaveProperty('id')
      expect(info!.name).toBe(created[3]!.name)
      expect(await two.user('ann').end(bob.name)).toBe(false)
      expect(await two.user('ann').end(created[1]!.name)).toBe(true)
      expect(await labels()).toEqual(['work', 'sofa', 'phone'])
      await one({ sessionId: created[0]!.id }).destroy()
      expect(await labels()).toEqual(['work', 'sofa'])
      expect(await two.user('ann').endAll({ except: created[2]! })).toBe(1)
      expect(await labels()).toEqual(['sofa'])
      expect(await one({ sessionId: created[2]!.id }).read()).toBeDefined()
      expect(await two.user('ann').endAll()).toBe(1)
      expect(await labels()).toEqual([])
      for (const { id } of created) expect(await one({ sessionId: id }).read()).toBeUndefined()
      expect(await one({ sessionId: bob.id }).read()).toBeDefined()
    })

    test('who logs in by an update is listed, and who becomes another is listed there alone', async () => {
      const sessions = await harness.client({ perUser })
      const { id, name } = await sessions.create({})
      const names = async (user: string) => (await sessions.user(user).list()).map(one => one.name)
      await sessions({ sessionId: id }).update({ userId: 'ann' })
      expect([await names('ann'), await names('bob')]).toEqual([[name], []])
      await sessions({ sessionId: id }).update({ userId: 'bob' })
      expect([await names('ann'), await names('bob')]).toEqual([[], [name]])
      await sessions({ sessionId: id }).update({ userId: undefined })
      expect([await names('ann'), await names('bob')]).toEqual([[], []])
      expect(await sessions({ sessionId: id }).read()).toMatchObject({ user: undefined })
    })

    test('a user has at most so many: the oldest ends, and those that are gone do not count', async () => {
      const sessions = await harness.client({ perUser: { ...perUser, max: 3 } })
      const ids: string[] = []
      for (let login = 0; login < 6; login++) {
        ids.push((await sessions.create({ userId: 'ann' })).id)
        await harness.advance(2)
      }
      const alive = async () => (await Promise.all(ids.map(sessionId => sessions({ sessionId }).read()))).map(Boolean)
      expect(await alive()).toEqual([false, false, false, true, true, true])
      await sessions({ sessionId: ids[4]! }).destroy()
      ids.push((await sessions.create({ userId: 'ann' })).id)
      expect(await alive()).toEqual([false, false, false, true, false, true, true])
    })

    test('wrong input is refused with what to do instead', async () => {
      const sessions = await harness.client()
      const { id } = await sessions.create({})
      const entry = sessions({ sessionId: id })
      const refused = (code: string) => expect.objectContaining({ code })
      await expect(entry.update({ items: 5n as never })).rejects.toMatchObject({
        code: 'VALUE_INVALID',
        namespace: 'sessions',
        operation: 'update',
      })
      await expect(sessions.create([] as never)).rejects.toEqual(refused('VALUE_INVALID'))
      await expect(sessions.create('text' as never)).rejects.toEqual(refused('VALUE_INVALID'))
      await expect(sessions.create({}, { device: { ip: 5 as never } })).rejects.toEqual(refused('PARAM_INVALID'))
      await expect(entry.update('text' as never)).rejects.toEqual(refused('PARAM_INVALID'))
      const promised = (async () => ({ theme: 'dark' })) as never
      await expect(entry.update(promised)).rejects.toEqual(refused('PARAM_INVALID'))
      await expect(entry.rotate({ change: promised })).rejects.toEqual(refused('PARAM_INVALID'))
      await expect(entry.update({}, { ifVersion: '1' as never })).rejects.toEqual(refused('PARAM_INVALID'))
      await expect(entry.read({ touches: false } as never)).rejects.toEqual(refused('PARAM_INVALID'))
      await expect(entry.rotate({ grace: '1h' })).rejects.toEqual(refused('PARAM_INVALID'))
      expect(() => sessions({} as never)).toThrow(refused('PARAM_INVALID'))
      expect(() => sessions(undefined as never)).toThrow(refused('PARAM_INVALID'))
      expect(() => sessions.user('ann')).toThrow(refused('UNSUPPORTED'))
      const boom = new Error('boom')
      const failing = entry.update(() => {
        throw boom
      })
      await expect(failing).rejects.toBe(boom)
      expect(await entry.read()).toMatchObject({ data: {}, version: 1 })
    })
  })
}
