import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bytes } from '../../src/base/codec/bytes.ts'
import { json } from '../../src/base/codec/json.ts'
import type { DocumentNamespace, DocumentOptions, Snapshot } from '../../src/kinds/document/contract.ts'
import { until } from '../live-server.ts'
import { deferred } from './deferred.ts'

/** A store under test, and clients of it that know nothing of each other. */
export interface DocumentHarness {
  client(options?: DocumentTestOptions): Promise<DocumentClient>
  /** Lets this much time pass. */
  advance(ms: number): Promise<void>
  close(): Promise<void>
}

export interface Board {
  readonly title?: string | undefined
  readonly count?: number | undefined
  readonly people?: { readonly [name: string]: string | undefined } | undefined
  readonly notes?: readonly string[] | undefined
}

export type DocumentTestOptions = Partial<Omit<DocumentOptions<'doc:<id>', Board, Board>, 'hashed'>>

export interface DocumentClient {
  readonly boards: DocumentNamespace<'doc:<id>', Board, Board>
  close(): Promise<void>
}

export const declared = { ttl: '1h', value: json<Board>() } as const

/** What every store of documents promises, and what is built on it. */
export function documentConformance(name: string, open: () => Promise<DocumentHarness>): void {
  describe(`document on ${name}`, () => {
    let harness: DocumentHarness
    const id = 'a'

    beforeEach(async () => {
      harness = await open()
    })
    afterEach(() => harness.close())

    test('what one client writes the other reads, with a version that grows', async () => {
      const [one, two] = await Promise.all([harness.client(), harness.client()])
      expect(await one.boards({ id }).get()).toBeUndefined()
      expect(await one.boards({ id }).read()).toEqual({ value: undefined, version: 0 })
      const versions = [await one.boards({ id }).set({ title: 'a' }), await two.boards({ id }).set({ title: 'b' })]
      expect(versions[1]).toBeGreaterThan(versions[0]!)
      expect(await one.boards({ id }).read()).toEqual({ value: { title: 'b' }, version: versions[1] })
      expect(await one.boards({ id: 'b' }).get()).toBeUndefined()
    })

    test('a write that expects a version is refused when it is another', async () => {
      const { boards } = await harness.client()
      const first = await boards({ id }).compareAndSet(0, { count: 1 })
      expect(first.done).toBe(true)
      expect(await boards({ id }).compareAndSet(0, { count: 2 })).toEqual({
        done: false,
        value: { count: 1 },
        version: first.version,
      })
      const second = await boards({ id }).compareAndSet(first.version, { count: 3 })
      expect(second.version).toBeGreaterThan(first.version)
      expect(await boards({ id }).compareAndSet(first.version, { count: 4 })).toMatchObject({ done: false })
      expect(await boards({ id }).get()).toEqual({ count: 3 })
    })

    test('of fifty who expect the same version one writes', async () => {
      const clients = await Promise.all([harness.client(), harness.client()])
      const version = await clients[0].boards({ id }).set({ count: 0 })
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, count) => clients[count % 2]!.boards({ id }).compareAndSet(version, { count })),
      )
      expect(answers.filter(({ done }) => done).length).toBe(1)
    })

    test('what is deleted is not there, and what comes after it has a higher version', async () => {
      const { boards } = await harness.client()
      const version = await boards({ id }).set({ count: 1 })
      expect(await boards({ id }).delete({ ifVersion: version - 1 })).toBe(false)
      expect(await boards({ id }).delete({ ifVersion: version })).toBe(true)
      expect(await boards({ id }).delete()).toBe(false)
      expect(await boards({ id }).read()).toEqual({ value: undefined, version: 0 })
      expect(await boards({ id }).compareAndSet(version, { count: 2 })).toMatchObject({ done: false, version: 0 })
      expect(await boards({ id }).set({ count: 3 })).toBeGreaterThan(version)
    })

    test('no update of many at once is lost', async () => {
      const clients = await Promise.all([harness.client(), harness.client()])
      const updates = Array.from({ length: 100 }, (_, index) =>
        clients[index % 2]!.boards({ id }).update(board => ({ count: (board?.count ?? 0) + 1 })),
      )
      const settled = Promise.all(updates)
      let over = false
      void settled.finally(() => {
        over = true
      })
      while (!over) await harness.advance(5)
      const seen = (await settled).map(({ value }) => value?.count)
      expect(new Set(seen).size).toBe(100)
      expect(await clients[0].boards({ id }).get()).toEqual({ count: 100 })
    })

    test('an update gives what it wrote, leaves alone what it does not change, and fails with its function', async () => {
      const { boards } = await harness.client()
      const written = await boards({ id }).update(async () => ({ title: 'new' }))
      expect(written).toEqual(await boards({ id }).read())
      expect(await boards({ id }).update(() => undefined)).toEqual(written)
      const failing = boards({ id }).update(() => {
        throw new RangeError('no')
      })
      await expect(failing).rejects.toThrow(RangeError)
      expect(await boards({ id }).read()).toEqual(written)
    })

    test('an update that others overtake each time gives up after its attempts', async () => {
      const [one, two] = await Promise.all([harness.client(), harness.client()])
      let calls = 0
      const update = one.boards({ id }).update(
        async () => {
          await two.boards({ id }).set({ count: ++calls })
          return { count: -1 }
        },
        { attempts: 3 },
      )
      let over = false
      const ended = expect(update)
        .rejects.toMatchObject({ code: 'DOCUMENT_CONFLICT', httpStatus: 409, outcome: 'not-executed' })
        .finally(() => {
          over = true
        })
      while (!over) await harness.advance(5)
      await ended
      expect(calls).toBe(3)
      expect(await one.boards({ id }).get()).toEqual({ count: 3 })
    })

    test('an update keeps its terms behind one that does not end, and while its own function does not', async () => {
      const { boards } = await harness.client()
      const stuck = deferred<Board>()
      const first = boards({ id }).update(() => stuck.promise)
      await stuck.asked()
      async function failed(update: Promise<unknown>) {
        let error: unknown
        update.catch(refusal => {
          error = refusal
        })
        while (error === undefined) await harness.advance(10)
        return error
      }
      const notExecuted = { outcome: 'not-executed', namespace: 'boards' }
      const behind = boards({ id }).update(() => ({ count: 1 }), { deadline: '50ms' })
      expect(await failed(behind)).toMatchObject({ code: 'TIMEOUT', ...notExecuted })
      const aborting = new AbortController()
      const aborted = boards({ id }).update(() => ({ count: 2 }), { signal: aborting.signal })
      aborting.abort()
      expect(await failed(aborted)).toMatchObject({ code: 'ABORTED', ...notExecuted })
      const itself = boards({ id: 'b' }).update(() => new Promise(() => {}), { deadline: '50ms' })
      expect(await failed(itself)).toMatchObject({ code: 'TIMEOUT', ...notExecuted })
      stuck.resolve({ count: 3 })
      await first
      expect((await boards({ id }).update(board => ({ count: board!.count! + 1 }))).value).toEqual({ count: 4 })
    })

    test('a patch merges objects, replaces everything else and removes what is null', async () => {
      const { boards } = await harness.client()
      await boards({ id }).set({ title: 'a', count: 1, people: { ann: 'owner', bob: 'guest' }, notes: ['x', 'y'] })
      const patched = await boards({ id }).patch({ count: null, people: { bob: null, cid: 'guest' }, notes: ['z'] })
      expect(patched.value).toEqual({ title: 'a', people: { ann: 'owner', cid: 'guest' }, notes: ['z'] })
      expect(await boards({ id }).read()).toEqual(patched)
      expect((await boards({ id: 'new' }).patch({ title: 't', people: { ann: null } })).value).toEqual({
        title: 't',
        people: {},
      })
    })

    test('each write begins its life anew, unless that is declared otherwise', async () => {
      const [renewed, fixed] = await Promise.all([
        harness.client({ ttl: '800ms' }),
        harness.client({ ttl: '800ms', renew: false }),
      ])
      await Promise.all([renewed.boards({ id: 'r' }).set({ count: 1 }), fixed.boards({ id: 'f' }).set({ count: 1 })])
      await harness.advance(500)
      await Promise.all([renewed.boards({ id: 'r' }).set({ count: 2 }), fixed.boards({ id: 'f' }).set({ count: 2 })])
      await harness.advance(500)
      expect(await renewed.boards({ id: 'r' }).get()).toEqual({ count: 2 })
      expect(await fixed.boards({ id: 'f' }).get()).toBeUndefined()
    })

    test('earlier versions are kept as far as declared, the newest first', async () => {
      const { boards } = await harness.client({ history: 2 })
      const versions: number[] = []
      for (const count of [1, 2, 3, 4]) versions.push(await boards({ id }).set({ count }))
      expect(await boards({ id }).history()).toEqual([
        { value: { count: 3 }, version: versions[2] },
        { value: { count: 2 }, version: versions[1] },
      ])
      await boards({ id }).delete()
      expect(await boards({ id }).history()).toEqual([])
      const plain = await harness.client()
      await plain.boards({ id: 'p' }).set({ count: 1 })
      await plain.boards({ id: 'p' }).set({ count: 2 })
      expect(await plain.boards({ id: 'p' }).history()).toEqual([])
    })

    test('a subscriber is told how it is, and of each change, until it closes', async () => {
      const [one, two] = await Promise.all([harness.client(), harness.client()])
      const told: Snapshot<Board>[] = []
      const subscription = two.boards({ id }).subscribe(snapshot => void told.push(snapshot))
      await until(() => told.length === 1)
      expect(told).toEqual([{ value: undefined, version: 0 }])
      const version = await one.boards({ id }).set({ count: 1 })
      await until(() => told.length === 2)
      expect(told[1]).toEqual({ value: { count: 1 }, version })
      await one.boards({ id }).delete()
      await until(() => told.length === 3)
      expect(told[2]).toEqual({ value: undefined, version: 0 })
      expect(subscription.health).toMatchObject({ state: 'running', well: true })
      await subscription.close()
      await one.boards({ id }).set({ count: 2 })
      await harness.advance(50)
      expect(told.length).toBe(3)
    })

    test('a subscriber that is slow is called once at a time, and is told the last of what happened meanwhile', async () => {
      const [one, two] = await Promise.all([harness.client(), harness.client()])
      const gate = deferred<void>()
      const told: (number | undefined)[] = []
      let inside = 0
      let most = 0
      await using _ = two.boards({ id }).subscribe(async ({ value }) => {
        most = Math.max(most, ++inside)
        told.push(value?.count)
        await gate.promise
        inside--
      })
      await gate.asked()
      for (let count = 1; count <= 20; count++) await one.boards({ id }).set({ count })
      gate.resolve()
      await until(() => told.at(-1) === 20)
      expect(most).toBe(1)
      expect(told.length).toBeLessThan(20)
    })

    test('a subscriber sees the end of its life', async () => {
      const { boards } = await harness.client({ ttl: '300ms' })
      await boards({ id }).set({ count: 1 })
      const told: (number | undefined)[] = []
      await using _ = boards({ id }).subscribe(({ value }) => void told.push(value?.count))
      await until(() => told.length === 1)
      await harness.advance(400)
      await until(() => told.length === 2)
      expect(told).toEqual([1, undefined])
    })

    test('closing the client ends its subscriptions', async () => {
      const { boards, close } = await harness.client()
      let calls = 0
      const subscription = boards({ id }).subscribe(() => void calls++)
      await until(() => calls === 1)
      await close()
      expect(subscription.health.state).toBe('closed')
      expect(() => boards({ id }).subscribe(() => {})).toThrow(expect.objectContaining({ code: 'CLOSED' }))
    })

    test('what no verb can take is refused by name, and changes nothing', async () => {
      const { boards } = await harness.client()
      const binary = (await harness.client({ value: bytes() as never })).boards
      const board = boards({ id })
      const nonsense: [work: () => unknown, code: string, message: string][] = [
        [() => board.set(undefined as never), 'VALUE_INVALID', 'undefined'],
        [() => board.set({}, { dedline: '1s' } as never), 'PARAM_INVALID', 'did you mean deadline?'],
        [() => board.compareAndSet('1' as never, {}), 'PARAM_INVALID', "the version is '1'; give the version that was"],
        [() => board.compareAndSet(-1, {}), 'PARAM_INVALID', 'the version is -1'],
        [
          () => board.update({} as never),
          'PARAM_INVALID',
          "update() of 'doc:<id>' was given an object; give it a function",
        ],
        [() => board.update(() => ({}), { attempts: 0 }), 'PARAM_INVALID', 'attempts is 0; it must be a whole number'],
        [() => board.patch(undefined as never), 'PARAM_INVALID', 'was given undefined; give it what changes'],
        [() => binary({ id }).patch({}), 'UNSUPPORTED', 'patch() needs values that are JSON'],
        [() => board.delete({ ifVersion: 1.5 }), 'PARAM_INVALID', 'ifVersion is 1.5'],
        [() => board.delete(null as never), 'PARAM_INVALID', 'the options are null'],
        [() => board.subscribe(undefined as never), 'PARAM_INVALID', "subscribe() of 'doc:<id>' was given undefined"],
        [() => board.subscribe(() => {}, { onGab: 1 } as never), 'PARAM_INVALID', 'did you mean onGap?'],
        [() => board.subscribe(() => {}, { onGap: 1 as never }), 'PARAM_INVALID', 'onGap is a number'],
      ]
      for (const [work, code, message] of nonsense) {
        const said = (async () => work())()
        await expect(said, message).rejects.toMatchObject({ code, message: expect.stringContaining(message) })
      }
      expect(await board.get()).toBeUndefined()
    })
  })
}
