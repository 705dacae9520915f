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
  /** It is agreed that the master is down. */
  readonly down: boolean
}

export interface Sentinels extends Locator {
  /** The replicas that are up, as the newest configuration has them. */
  replicas(signal: AbortSignal): Promise<Address[]>
}

/** A link that asked nothing for this long is closed. */
const restsFor = 10_000
const channel = '+switch-master'

/**
 * Asks all Sentinels at once and believes the newest configuration epoch: one that was frozen or cut off may name a
 * master that has been replaced. Their `+switch-master` is listened to as well, and what may have been missed of it is
 * asked for.
 *
 * Where most of them agree that the master is down it is not connected to: it may only be unreachable for them, and
 * would then take writes that are lost when its successor is made.
 */
export function createSentinels(settings: NodeSettings, target: Target, clock: Clock): Sentinels {
  const { master, access, connectTimeout = settings.connectTimeout } = target.sentinel!
  const endpoints = new Map<string, Endpoint>()
  const asking = new Map<string, { link: Promise<Link>; rest: Timer | undefined }>()
  const listening: Subscriber[] = []
  const ending = new AbortController()
  let moved: (() => void) | undefined
  for (const address of target.addresses) add(address)

  function add(address: Address): void {
    const name = endpointName(address)
    if (endpoints.has(name) || ending.signal.aborted) return
    endpoints.set(name, { ...address, ...access, database: 0 })
    if (moved) listen(name)
  }

  const open = (name: string) =>
    openLink({ ...settings, connectTimeout, scripts: [] }, endpoints.get(name)!, 'sentinel', clock, ending.signal)

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

  const pollAll = <T>(each: (name: string) => Promise<T>, signal: AbortSignal) =>
    poll([...endpoints.keys()], each, { enough: Math.floor(endpoints.size / 2) + 1, signal, clock })

  async function testimony(name: string): Promise<Testimony> {
    const [address, state, others] = await ask(
      name,
      ['GET-MASTER-ADDR-BY-NAME', master],
      ['MASTER', master],
      ['SENTINELS', master],
    ).catch(error => {
      throw isKeyplanError(error, 'SERVER') && /No such master/i.test(error.message) ? unknown() : error
    })
    const [host, port] = (address ?? []) as string[]
    if (!host || !port) throw unknown()
    for (const other of rows(others)) {
      if (other.ip && other.port) add(reachable(target.natMap, other.ip, Number(other.port)))
    }
    const { 'config-epoch': epoch, flags = '' } = row(state)
    return {
      address: reachable(target.natMap, host, Number(port)),
      epoch: Number(epoch),
      down: flags.split(',').includes('o_down'),
    }
  }

  async function newest(signal: AbortSignal): Promise<Testimony> {
    const answers = await pollAll(testimony, signal)
    return answers.reduce((best, answer) => (answer.epoch > best.epoch ? answer : best))
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
      if (payload.split(' ')[0] === master) moved?.()
    }
    subscriber.subscribe(channel, { message }).catch(() => {})
  }

  const unknown = () =>
    new KeyplanError('DISCONNECTED', `No Sentinel at ${[...endpoints.keys()].join(', ')} knows a master '${master}'`, {
      outcome: 'not-executed',
    })

  return {
    name: `${master} (Sentinel)`,
    async locate(signal) {
      const { address, down } = await newest(signal)
      if (down) {
        const message = `Redis at ${endpointName(address)} is down, and the Sentinels are choosing its successor`
        throw new KeyplanError('DISCONNECTED', message, { outcome: 'not-executed' })
      }
      return { ...address, ...target.access, database: target.database }
    },
    async confirm(endpoint, signal) {
      const { address } = await newest(signal)
      return endpointName(address) === endpointName(endpoint)
    },
    async replicas(signal) {
      const { epoch } = await newest(signal)
      const answers = await pollAll(async name => {
        const [state, replicas] = await ask(name, ['MASTER', master], ['REPLICAS', master])
        return { epoch: Number(row(state)['config-epoch']), replicas: rows(replicas) }
      }, signal)
      const found = answers.find(answer => answer.epoch >= epoch)?.replicas ?? []
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

const closed = () => new KeyplanError('CLOSED', 'The client is closed', { outcome: 'not-executed' })

/** A reply of names and values in turn. */
function row(reply: Reply | undefined): Record<string, string> {
  const fields: Record<string, string> = {}
  const list = Array.isArray(reply) ? reply : []
  for (let index = 0; index + 1 < list.length; index += 2) fields[String(list[index])] = String(list[index + 1])
  return fields
}

const rows = (reply: Reply | undefined) => (Array.isArray(reply) ? reply : []).map(row)
