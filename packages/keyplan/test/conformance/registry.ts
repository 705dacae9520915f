import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { json } from '../../src/base/codec/json.ts'
import type { RegistryEvent, RegistryNamespace } from '../../src/kinds/registry/contract.ts'
import type { RegistryFigures } from '../../src/kinds/registry/figures.ts'
import type { RegistryOptions } from '../../src/kinds/registry/options.ts'
import { until } from '../live-server.ts'

export interface Agent {
  readonly region?: string | undefined
  readonly version?: number | undefined
}

export type Agents = RegistryNamespace<'agents:<id>', Agent, Agent, 'region', 'unknown'>
export type AgentOptions = Partial<
  Omit<RegistryOptions<'agents:<id>', Agent, Agent, 'region', 'unknown' | 'fail'>, 'hashed' | 'announce'>
>

export const declaredAgents = {
  lease: '30s',
  metadata: json<Agent>(),
  index: { region: ({ region }: Agent) => region },
} as const

export interface AgentClient {
  readonly agents: Agents
  figures(): RegistryFigures
  /** Reaches nobody, as a process that is stopped, until it is woken. */
  freeze(): void
  wake(): void
  close(): Promise<void>
}

/** Clients of one registry that know nothing of each other. */
export interface RegistryHarness {
  client(options?: AgentOptions): Promise<AgentClient>
  close(): Promise<void>
}

/** So short that who is silent is taken off the list while the test waits, and beating so often that a busy machine is not. */
export const brief = { lease: '800ms', beat: '100ms' } as const

/** What every store of registries promises, and what is built on it. */
export function registryConformance(name: string, open: () => Promise<RegistryHarness>): void {
  describe(`registry on ${name}`, () => {
    let harness: RegistryHarness
    const over = new AbortController()

    beforeEach(async () => {
      harness = await open()
    })
    afterEach(() => harness.close())

    async function ids(found: Promise<readonly { id: string }[] | 'unknown'>): Promise<string[]> {
      const members = await found
      return members === 'unknown' ? ['unknown'] : members.map(({ id }) => id)
    }
    /** Collects events from the first that is kept. */
    function following({ agents }: AgentClient): RegistryEvent<Agent>[] {
      const events: RegistryEvent<Agent>[] = []
      void (async () => {
        for await (const event of agents.follow({ signal: over.signal })) events.push(event)
      })()
      return events
    }
    const told = (events: readonly RegistryEvent<Agent>[]) => events.map(({ type, member }) => `${member.id} ${type}`)

    test('members are seen by others as they describe themselves, until they leave', async () => {
      const [one, two] = await Promise.all([harness.client(), harness.client()])
      const capabilities = ['translate', 'summarize']
      const ann = await one.agents({ id: 'ann' }).join({ capabilities, metadata: { region: 'eu' }, load: 0.25 })
      const seen = { id: 'ann', capabilities, metadata: { region: 'eu' }, load: 0.25, joinedAt: expect.any(Number) }
      expect(await two.agents({ id: 'ann' }).get()).toEqual(seen)
      expect(await two.agents.list()).toEqual([seen])
      expect(await two.agents.count()).toBe(1)
      expect(ann).toMatchObject({ id: 'ann', state: 'member' })
      expect(ann.remaining()).toBeGreaterThan(20_000)
      expect(await ann.leave()).toBe(true)
      expect(await ann.leave()).toBe(false)
      expect([ann.state, ann.remaining(), ann.signal.aborted]).toEqual(['left', 0, false])
      expect(await two.agents({ id: 'ann' }).get()).toBeUndefined()
      expect(await two.agents.find('translate')).toEqual([])
      expect(await two.agents.count()).toBe(0)
    })

    test('are found by capabilities and fields of the index, all of which must hold', async () => {
      const { agents } = await harness.client()
      const members: [string, string[], string | undefined][] = [
        ['a', ['run'], 'eu'],
        ['b', ['run', 'run,fast'], 'us'],
        ['c', ['runner', 'run,fast'], 'eu'],
        ['d:{x}', ['run', 'run,fast', '*'], 'eu'],
        ['e', [], undefined],
      ]
      for (const [id, capabilities, region] of members)
        await agents({ id }).join({ capabilities, metadata: { region } })
      expect(await ids(agents.find('run'))).toEqual(['a', 'b', 'd:{x}'])
      expect(await ids(agents.find('run,fast'))).toEqual(['b', 'c', 'd:{x}'])
      expect(await ids(agents.find('*'))).toEqual(['d:{x}'])
      expect(await ids(agents.find({ capabilities: ['run', 'run,fast'] }))).toEqual(['b', 'd:{x}'])
      expect(await ids(agents.find({ capabilities: 'run', where: { region: 'eu' } }))).toEqual(['a', 'd:{x}'])
      expect(await ids(agents.find({ where: { region: 'eu' } }))).toEqual(['a', 'c', 'd:{x}'])
      expect(await ids(agents.find('nobody'))).toEqual([])
      expect(await ids(agents.find())).toEqual(['a', 'b', 'c', 'd:{x}', 'e'])
      expect(await ids(agents.find(undefined, { limit: 2, after: 'b' }))).toEqual(['c', 'd:{x}'])
      const counts = [agents.count('run'), agents.count({ capabilities: ['run', 'run,fast'] }), agents.count('nobody')]
      expect(await Promise.all(counts)).toEqual([3, 2, 0])
    })

    test('are found, picked and counted by terms that all of them have', async () => {
      const { agents } = await harness.client()
      const both = { capabilities: ['run', 'swim', 'run'], where: { region: 'eu' } }
      expect([await ids(agents.find(both)), await agents.pick(both), await agents.count(both)]).toEqual([
        [],
        undefined,
        0,
      ])
      for (const id of ['a', 'b', 'c'])
        await agents({ id }).join({ capabilities: ['swim', 'run'], metadata: { region: 'eu' } })
      expect(await ids(agents.find(both))).toEqual(['a', 'b', 'c'])
      expect(await ids(agents.find(both, { limit: 1, after: 'a' }))).toEqual(['b'])
      expect(await ids(agents.find(both, { limit: 1, order: 'load' }))).toEqual(['a'])
      expect(await ids(agents.list(both))).toEqual(['a', 'b', 'c'])
      expect(await agents.pick(both)).toMatchObject({ id: 'a' })
      expect(await agents.count(both)).toBe(3)
    })

    test('a long list is read whole, in the order of ids, and the least busy come first where that is asked for', async () => {
      const { agents } = await harness.client()
      const load = (n: number) => (n * 7_919) % 1_201
      await Promise.all(
        Array.from({ length: 1_201 }, (_, n) =>
          agents({ id: String(n).padStart(4, '0') }).join({ metadata: {}, load: load(n) }),
        ),
      )
      expect(await ids(agents.list())).toEqual(Array.from({ length: 1_201 }, (_, n) => String(n).padStart(4, '0')))
      const least = await agents.find(undefined, { order: 'load', limit: 5 })
      expect(least === 'unknown' ? [] : least.map(({ load }) => load)).toEqual([0, 1, 2, 3, 4])
      expect(await agents.count()).toBe(1_201)
    })

    test('are picked in turn, and by load the least busy, in turn among equals', async () => {
      const [one, two] = await Promise.all([harness.client(), harness.client()])
      const loads = { a: 2, b: 1, c: 1, d: 0.5 }
      for (const [id, load] of Object.entries(loads)) {
        await one.agents({ id }).join({ capabilities: id === 'd' ? [] : ['run'], metadata: {}, load })
      }
      async function picked(count: number, by: 'turn' | 'load') {
        const found: string[] = []
        for (let turn = 0; turn < count; turn++) {
          const member = await (turn % 2 === 0 ? one : two).agents.pick('run', { by })
          found.push(typeof member === 'object' ? member.id : String(member))
        }
        return found
      }
      expect(await picked(6, 'turn')).toEqual(['a', 'b', 'c', 'a', 'b', 'c'])
      expect(await picked(4, 'load')).toEqual(['b', 'c', 'b', 'c'])
      expect(await one.agents.pick(undefined, { by: 'load' })).toMatchObject({ id: 'd', load: 0.5 })
      expect(await one.agents.pick('fly')).toBeUndefined()
    })

    test('an update changes what is given, what finds it, and keeps the rest', async () => {
      const [one, two] = await Promise.all([harness.client(), harness.client()])
      const ann = await one.agents({ id: 'ann' }).join({ capabilities: ['run'], metadata: { region: 'eu' } })
      const first = await two.agents({ id: 'ann' }).get()
      await Promise.all([ann.update({ capabilities: ['swim'] }), ann.update({ load: 3 })])
      expect(await two.agents({ id: 'ann' }).get()).toEqual({ ...(first as object), capabilities: ['swim'], load: 3 })
      expect(await ids(two.agents.find('run'))).toEqual([])
      expect(await ids(two.agents.find({ capabilities: 'swim', where: { region: 'eu' } }))).toEqual(['ann'])
      await ann.update({ metadata: { region: 'us' } })
      expect(await ids(two.agents.find({ where: { region: 'eu' } }))).toEqual([])
      expect(await ids(two.agents.find('swim'))).toEqual(['ann'])
      await ann.leave()
      await expect(ann.update({ load: 1 })).rejects.toMatchObject({ code: 'MEMBERSHIP_LOST' })
    })

    test('what happens is told once and in order, to those who come later as well; a load is no event', async () => {
      const [one, two] = await Promise.all([harness.client(), harness.client()])
      const live = following(two)
      const ann = await one.agents({ id: 'ann' }).join({ capabilities: ['run'], metadata: { region: 'eu' } })
      await ann.update({ load: 3 })
      await ann.update({ metadata: { region: 'us' } })
      await ann.leave()
      const late = following(one)
      await until(() => live.length === 3 && late.length === 3)
      expect(late).toEqual(live)
      expect(live.map(({ type, member }) => [type, member])).toEqual([
        ['joined', { id: 'ann', capabilities: ['run'], metadata: { region: 'eu' } }],
        ['updated', { id: 'ann', capabilities: ['run'], metadata: { region: 'us' } }],
        ['left', { id: 'ann', capabilities: ['run'], metadata: { region: 'us' } }],
      ])
    })

    test('who is silent for a lease is not listed any more, and all hear of it once', async () => {
      const [one, two, three] = await Promise.all([harness.client(brief), harness.client(brief), harness.client(brief)])
      for (const id of ['a', 'b', 'c']) await one.agents({ id }).join({ capabilities: ['run'], metadata: {} })
      await two.agents({ id: 'z' }).join({ capabilities: ['run'], metadata: {} })
      const events = [following(two), following(three)]
      one.freeze()
      await until(async () => (await two.agents.count('run')) === 1)
      expect(await ids(two.agents.list())).toEqual(['z'])
      expect(await ids(three.agents.find('run', { order: 'load' }))).toEqual(['z'])
      expect(await three.agents({ id: 'a' }).get()).toBeUndefined()
      expect(await three.agents.pick('run')).toMatchObject({ id: 'z' })
      await until(() => events.every(told => told.length === 7))
      for (const heard of events) {
        expect(told(heard).slice(4).sort()).toEqual(['a expired', 'b expired', 'c expired'])
      }
      expect(two.figures().expired + three.figures().expired).toBe(3)
      expect(one.figures().expired).toBe(0)
    })

    test('who was silent for too long is on the list again as soon as it can be, and is told', async () => {
      const [one, two] = await Promise.all([harness.client(brief), harness.client(brief)])
      let rejoined = 0
      const ann = await one.agents({ id: 'ann' }).join({ metadata: { region: 'eu' }, rejoined: () => void rejoined++ })
      const events = following(two)
      one.freeze()
      await until(() => told(events).includes('ann expired'))
      await until(() => ann.remaining() === 0)
      expect(ann.health?.well).toBe(false)
      one.wake()
      await until(() => rejoined === 1)
      await until(() => ann.health?.well)
      expect(ann.remaining()).toBeGreaterThan(0)
      expect(await two.agents({ id: 'ann' }).get()).toMatchObject({ metadata: { region: 'eu' } })
      await until(() => events.length === 3)
      expect(told(events)).toEqual(['ann joined', 'ann expired', 'ann joined'])
      expect([one.figures().rejoined, ann.state]).toEqual([1, 'member'])
    })

    test('a member that beats stays for several leases, and nobody hears of it', async () => {
      const [one, two] = await Promise.all([harness.client(brief), harness.client(brief)])
      await one.agents({ id: 'ann' }).join({ metadata: {} })
      const events = following(two)
      const { beats } = one.figures()
      await until(async () => {
        expect(await two.agents.count()).toBe(1)
        return one.figures().beats >= beats + 12
      })
      expect(told(events)).toEqual(['ann joined'])
    })

    test('who joins under the name of another takes its place, and the other is told', async () => {
      const [one, two] = await Promise.all([harness.client(brief), harness.client(brief)])
      const first = await one.agents({ id: 'ann' }).join({ capabilities: ['run'], metadata: {} })
      const events = following(two)
      const second = await two.agents({ id: 'ann' }).join({ capabilities: ['swim'], metadata: {} })
      await until(() => first.signal.aborted)
      expect(first.signal.reason).toMatchObject({ code: 'MEMBERSHIP_LOST' })
      expect([first.state, second.state]).toEqual(['replaced', 'member'])
      expect(await first.leave()).toBe(false)
      await expect(first.update({ load: 1 })).rejects.toMatchObject({ code: 'MEMBERSHIP_LOST' })
      expect([await ids(two.agents.find('run')), await ids(two.agents.find('swim'))]).toEqual([[], ['ann']])
      await until(() => events.length === 2)
      expect(events[1]).toMatchObject({ type: 'joined', replaced: true, member: { capabilities: ['swim'] } })
    })

    test('a client that joins twice under a name has the second membership', async () => {
      const { agents, figures, close } = await harness.client(brief)
      const first = await agents({ id: 'ann' }).join({ metadata: { version: 1 } })
      const second = await agents({ id: 'ann' }).join({ metadata: { version: 2 } })
      expect([first.state, second.state]).toEqual(['replaced', 'member'])
      expect(await first.leave()).toBe(false)
      expect(await agents({ id: 'ann' }).get()).toMatchObject({ metadata: { version: 2 } })
      expect(figures()).toMatchObject({ members: 1, replaced: 1 })
      await close()
      expect([figures().left, second.state, second.remaining()]).toEqual([1, 'left', 0])
    })

    test('a client that closes takes its members along', async () => {
      const [one, two] = await Promise.all([harness.client(), harness.client()])
      const joins = Array.from({ length: 150 }, (_, n) => one.agents({ id: `a${n}` }).join({ metadata: {} }))
      await Promise.all(joins)
      expect(await two.agents.count()).toBe(150)
      expect(one.figures().members).toBe(150)
      await one.close()
      expect(await two.agents.count()).toBe(0)
      await expect(one.agents({ id: 'late' }).join({ metadata: {} })).rejects.toMatchObject({ code: 'CLOSED' })
    })

    test('what cannot be told or asked is refused with the remedy', async () => {
      const { agents } = await harness.client()
      const ann = agents({ id: 'ann' })
      const joining = (options: object) => ann.join(options as { metadata: Agent })
      const refused: [() => Promise<unknown>, string, string][] = [
        [() => joining({ capabilities: 'run', metadata: {} }), 'PARAM_INVALID', 'capabilities are a string'],
        [() => joining({ capabilities: [''], metadata: {} }), 'PARAM_INVALID', 'a capability is an empty string'],
        [() => joining({ metadata: {}, load: -1 }), 'PARAM_INVALID', 'load is -1'],
        [() => joining({ metadata: {}, capabilites: ['run'] }), 'PARAM_INVALID', 'did you mean capabilities'],
        [() => joining({ metadata: () => 1 }), 'VALUE_INVALID', 'JSON cannot hold'],
        [() => joining({ metadata: { region: 'x'.repeat(201) } }), 'PARAM_INVALID', 'the field region'],
        [() => agents.find(7 as never), 'PARAM_INVALID', 'a query takes a capability'],
        [() => agents.find({ where: { regions: 'eu' } as never }), 'PARAM_INVALID', 'did you mean where.region'],
        [() => agents.find('run', { limit: 0 }), 'PARAM_INVALID', 'limit is 0'],
        [() => agents.find('run', { order: 'load', after: 'a' }), 'PARAM_INVALID', 'after goes with'],
        [() => agents.pick('run', { by: 'luck' as never }), 'PARAM_INVALID', "by is 'luck'"],
      ]
      for (const [ask, code, message] of refused) {
        await expect(ask(), message).rejects.toMatchObject({ code, message: expect.stringContaining(message) })
      }
      expect(() => agents({ id: '' })).toThrow(expect.objectContaining({ code: 'PARAM_INVALID' }))
      expect(() => agents.follow({ after: 'yesterday' })).toThrow(expect.objectContaining({ code: 'PARAM_INVALID' }))
      expect(await agents.count()).toBe(0)
    })
  })
}
