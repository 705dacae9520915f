import type { Clock, Timer } from '../../base/clock.ts'
import { isKeyplanError, KeyplanError } from '../../base/error.ts'
import type { Link } from '../link.ts'
import type { Node } from '../node.ts'
import { poll } from '../poll.ts'
import { createScout } from '../scout.ts'
import { type Address, endpointName, type Target } from '../settings.ts'
import { joinMembers, type Member, readMembers, type SlotMap } from './slot-map.ts'

/**
 * Learns who has which slot: at the start, whenever it may have changed, as long as a slot has nobody, and now and then
 * for what no call meets: a replica that is new, or a master that was replaced while nobody asked it.
 */
export interface Survey {
  start(): void
  /** There is reason to look again. */
  soon(): void
  /** There is somebody to ask again: a look that would come later comes soon. */
  sooner(): void
  stop(): void
}

interface SurveyOptions {
  readonly seeds: readonly Address[]
  readonly natMap: Target['natMap']
  /** The nodes known so far. */
  members(): { readonly node: Node; readonly address: Address }[]
  open(address: Address): Promise<Link>
  /** Whether to look again after a while, though nothing calls for it. */
  wanting(): boolean
  found(map: SlotMap): void
  failed(error: KeyplanError, attempts: number): void
  backoff: { readonly min: number; readonly max: number }
  clock: Clock
}

/** The shortest time between two looks, in milliseconds, and the time between looks while nodes are missing. */
const pauseMs = 100
const wantingMs = 300

/** The time between looks while all is well. */
const calmMs = 15_000

/** A replica takes over within this or not at all soon: from then on one looks as rarely as for a lost link. */
const hopefulMs = 20_000

/** Several are asked, since one that was cut off knows only how it was; few, since what they say is long. */
const asked = 3

export function createSurvey(options: SurveyOptions): Survey {
  const { seeds, natMap, clock } = options
  const ending = new AbortController()
  let timer: Timer | undefined
  let due = Number.POSITIVE_INFINITY
  let pause = pauseMs
  let looking = false
  let again = false
  let started = false
  let wantingSince: number | undefined

  const scout = createScout<SlotMap>({
    attempt: async () => joinMembers(await poll(seeds, askSeed, { enough: 1, signal: ending.signal, clock })),
    found(map) {
      started = true
      options.found(map)
      schedule(calmMs)
    },
    discard: () => {},
    failed: options.failed,
    backoff: options.backoff,
    clock,
  })

  async function askSeed(address: Address): Promise<Member[]> {
    const link = await options.open(address)
    try {
      return readMembers(String(await link.send('cluster', ['NODES'])), address, natMap)
    } catch (error) {
      throw isKeyplanError(error, 'SERVER') && /cluster support disabled/.test(error.message) ? noCluster() : error
    } finally {
      link.destroy(done())
    }
  }

  async function look(): Promise<void> {
    looking = true
    again = false
    const members = options.members()
    const ready = members.filter(({ node }) => node.state === 'ready')
    const some = ready.sort(() => Math.random() - 0.5).slice(0, asked)
    // The scouts of the nodes are at those already.
    const scouted = new Set(members.map(({ address }) => endpointName(address)))
    const others = seeds.filter(seed => !scouted.has(endpointName(seed)))
    try {
      const reports =
        some.length > 0
          ? await poll(some, askNode, { enough: 2, signal: ending.signal, clock })
          : others.length > 0 && (await poll(others, askSeed, { enough: 1, signal: ending.signal, clock }))
      if (reports && !ending.signal.aborted) options.found(joinMembers(reports))
    } catch {
      // Asked again below, for as long as nodes are missing; their own links say why.
    }
    looking = false
    if (options.wanting()) wantingSince ??= clock.now()
    else wantingSince = undefined
    const isHopeful = some.length > 0 && clock.now() - (wantingSince ?? clock.now()) < hopefulMs
    pause = isHopeful ? pauseMs : options.backoff.max * (1 - Math.random() / 4)
    if (again) schedule(pause)
    else if (wantingSince !== undefined) schedule(Math.max(pause, wantingMs))
    else schedule(calmMs * (1 - Math.random() / 4))
  }

  async function askNode({ node, address }: { node: Node; address: Address }): Promise<Member[]> {
    const call = { expires: clock.now() + pauseMs * 10, hold: false, written: 0 }
    return readMembers(String(await node.send('cluster', ['NODES'], call)), address, natMap)
  }

  /** Unless it happens sooner. */
  function schedule(ms: number): void {
    if (ending.signal.aborted || clock.now() + ms >= due) return
    timer?.cancel()
    due = clock.now() + ms
    timer = clock.after(ms, () => {
      due = Number.POSITIVE_INFINITY
      void look()
    })
  }

  return {
    start: scout.start,
    soon() {
      if (!started) return
      if (looking) again = true
      else schedule(pause)
    },
    sooner() {
      if (started && !looking && options.wanting()) schedule(pauseMs)
    },
    stop() {
      ending.abort()
      scout.stop()
      timer?.cancel()
    },
  }
}

const done = () => new KeyplanError('CLOSED', 'The cluster was surveyed', { outcome: 'not-executed' })
const noCluster = () =>
  new KeyplanError('UNSUPPORTED', 'The server is not part of a cluster; connect to it without `cluster`')
