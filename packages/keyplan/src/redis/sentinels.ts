import type { Clock, Timer } from '../base/clock.ts'
import { isKeyplanError, KeyplanError } from '../base/error.ts'
import { type Link, openLink } from './link.ts'
import type { Locator } from './locator.ts'
import { poll } from './poll.ts'
import type { Reply } from './redis.ts'
import { type Address, type Endpoint, endpointName, type NodeSettings, reachable, type Target } from './settings.ts'
import { createSubscriber, type Subscriber } from './subscriber.ts'

/** What one Sentinel says of the master. */
interface Testimony {
  readonly address: Address
  /** Of the configuration it speaks of: the newest is right. */
  readonly epoch: number
  /** It is agreed that the master is down, or another one is being made of a replica. */
  readonly ending: boolean
}

export interface Sentinels extends Locator {
  /** The replicas that are up, as the newest configuration has them. */
  replicas(signal: AbortSignal): Promise<Address[]>
}

/** A link that asked nothing for this long is closed. */
const restsFor = 10_000

/** The first is told some 100 ms before a replica is made the master, the other when it is. */
const channels = ['+failover-state-select-slave', '+switch-master']

/**
 * Asks all Sentinels at once and believes the newest configuration epoch: one that was frozen or cut off may name a
 * master that has been replaced. What they tell of failovers is listened to as well, and what may have been missed of it
 * is asked for.
 *
 * A master that most of them find down, or that is being replaced as planned, is not the one that is meant any more: it
 * may well be there, and would take writes that are lost when its successor is made.
 */
export function createSentinels(settings: NodeSettings, target: Target, clock: Clock): Sentinels {
  const { master, access, connectTimeout = settings.connectTimeout } = target.sentinel!
  const endpoints = new Map<string, Endpoint>()
  const asking = new Map<string, { link: Promise<Link>; rest: Timer | undefined }>()
  /** Those that answered when last asked. */
  const answering = new Set<string>()
  /** Those that could not be reached, how often in a row and when last. */
  const refused = new Map<string, { readonly error: unknown; readonly times: number; readonly at: number }>()
  const listening: Subscriber[] = []
  let newestSeen = 0
  const ending = new AbortController()
  let moved: (() => void) | undefined
  for (const address of target.addresses) add(address)

  function add(address: Address): void {
    const name = endpointName(address)
    if (endpoints.has(name) || ending.signal.aborted) return
    endpoints.set(name, { ...address, ...access, database: 0 })
    if (moved) listen(name)
  }

  /** Whoever asks and whoever listens share the attempts: together they make no more than one of them may. */
  async function open(name: string): Promise<Link> {
    const past = refused.get(name)
    const { min, max } = settings.backoff
    if (past && clock.now() - past.at < Math.min(min * 2 ** past.times, 0.8 * max)) throw past.error
    try {
      const link = { ...settings, connectTimeout, scripts: [] }
      const opened = await openLink(link, endpoints.get(name)!, 'sentinel', clock, ending.signal)
      refused.delete(name)
      return opened
    } catch (error) {
      refused.set(name, { error, times: (past?.times ?? 0) + 1, at: clock.now() })
      throw error
    }
  }

  /** Links are kept for a while, so that a link to the master can be confirmed without a detour. */
  async function ask(name: string, ...questions: string[][]): Promise<Reply[]> {
    let entry = asking.get(name)
    if (!entry) {
      const link = open(name)
      entry = { link, rest: undefined }
      asking.set(name, entry)
      const forget = () => {
        if (asking.get(name)?.link === link) asking.delete(name)
      }
      link.then(({ ended }) => ended.then(forget), forget)
    }
    const { link } = entry
    const opened = await link
    entry.rest?.cancel()
    entry.rest = clock.after(restsFor, () => opened.destroy(closed()))
    return Promise.all(questions.map(question => opened.send('sentinel', question)))
  }

  const mostOf = (count: number) => Math.floor(count / 2) + 1

  /** They may name each other by addresses that cannot be reached from here: those are not waited for. */
  const pollAll = <T>(each: (name: string) => Promise<T>, signal: AbortSignal) =>
    poll([...endpoints.keys()], each, { enough: mostOf(answering.size || endpoints.size), signal, clock })

  async function testimony(name: string): Promise<Testimony> {
    const [address, state, others] = await ask(
      name,
      ['GET-MASTER-ADDR-BY-NAME', master],
      ['MASTER', master],
      ['SENTINELS', master],
    ).catch(error => {
      answering.delete(name)
      throw isKeyplanError(error, 'SERVER') && /No such master/i.test(error.message)
        ? unknown()
        : noSentinel(error, name)
    })
    const [host, port] = (address ?? []) as string[]
    if (!host || !port) throw unknown()
    answering.add(name)
    for (const other of rows(others)) {
      if (other.ip && other.port) add(reachable(target.natMap, other.ip, Number(other.port)))
    }
    const { 'config-epoch': epoch, flags = '', ip, port: itsPort, 'failover-state': step = 'wait_start' } = row(state)
    return {
      address: reachable(target.natMap, host, Number(port)),
      epoch: Number(epoch) || 0,
      // Who has made the successor names that one, and says this still of the one before. A failover may wait for long
      // before its first step.
      ending: ip === host && itsPort === port && (flags.includes('o_down') || step !== 'wait_start'),
    }
  }

  /**
   * @throws KeyplanError MASTER_DOWN while there is none to be trusted; DISCONNECTED where nobody knows, or where a few
   * know less than was known before: they are cut off from the others
   */
  async function newest(signal: AbortSignal): Promise<Address> {
    const answers = await pollAll(testimony, signal)
    const epoch = Math.max(...answers.map(answer => answer.epoch))
    if (epoch < newestSeen && answers.length < mostOf(endpoints.size)) throw outdated()
    newestSeen = epoch
    const current = answers.filter(answer => answer.epoch === epoch)
    const { address } = current[0]!
    if (current.some(answer => answer.ending)) {
      const message = `Redis at ${endpointName(address)} is down or about to be replaced: the Sentinels choose its successor`
      throw new KeyplanError('MASTER_DOWN', message, { outcome: 'not-executed' })
    }
    return address
  }

  function listen(name: string): void {
    const subscriber = createSubscriber(() => open(name), {
      reachable: () => !ending.signal.aborted,
      gap: () => moved?.(),
      backoff: settings.backoff,
      clock,
    })
    listening.push(subscriber)
    const message = (payload: string) => {
      if (payload.split(' ').includes(master)) moved?.()
    }
    for (const channel of channels) subscriber.subscribe(channel, { message }).catch(() => {})
  }

  const unknown = () =>
    new KeyplanError('DISCONNECTED', `No Sentinel at ${[...endpoints.keys()].join(', ')} knows a master '${master}'`, {
      outcome: 'not-executed',
    })

  const outdated = () =>
    new KeyplanError('DISCONNECTED', `The Sentinels that answer know less of '${master}' than was known before`, {
      outcome: 'not-executed',
    })

  return {
    name: `${master} (Sentinel)`,
    async locate(signal) {
      const address = await newest(signal)
      return { ...address, ...target.access, database: target.database }
    },
    async confirm(endpoint, signal) {
      return endpointName(await newest(signal)) === endpointName(endpoint)
    },
    async replicas(signal) {
      await newest(signal)
      const answers = await pollAll(async name => {
        const [state, replicas] = await ask(name, ['MASTER', master], ['REPLICAS', master])
        return { epoch: Number(row(state)['config-epoch']), replicas: rows(replicas) }
      }, signal)
      const found = answers.find(answer => answer.epoch >= newestSeen)?.replicas ?? []
      return found
        .filter(({ flags = '', 'master-link-status': link }) => link === 'ok' && !/down|disconnected/.test(flags))
        .map(({ ip = '', port }) => reachable(target.natMap, ip, Number(port)))
    },
    watch(listener) {
      moved = listener
      for (const name of endpoints.keys()) listen(name)
    },
    async close() {
      ending.abort()
      for (const { link, rest } of asking.values()) {
        rest?.cancel()
        link.then(
          opened => opened.destroy(closed()),
          () => {},
        )
      }
      await Promise.all(listening.map(subscriber => subscriber.close()))
    },
  }
}

/** A server that knows no SENTINEL is no Sentinel. */
function noSentinel(error: unknown, name: string): unknown {
  if (!isKeyplanError(error, 'UNSUPPORTED')) return error
  return new KeyplanError('UNSUPPORTED', `Redis at ${name} is no Sentinel; connect to it with \`url\``)
}

const closed = () => new KeyplanError('CLOSED', 'The client is closed', { outcome: 'not-executed' })

/** A reply of names and values in turn. */
function row(reply: Reply | undefined): Record<string, string> {
  const fields: Record<string, string> = {}
  const list = Array.isArray(reply) ? reply : []
  for (let index = 0; index + 1 < list.length; index += 2) fields[String(list[index])] = String(list[index + 1])
  return fields
}

const rows = (reply: Reply | undefined) => (Array.isArray(reply) ? reply : []).map(row)
