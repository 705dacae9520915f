import type { Clock } from '../base/clock.ts'
import { isKeyplanError, KeyplanError } from '../base/error.ts'
import { type Send, withScripts } from './commands.ts'
import { type Link, openLink } from './link.ts'
import type { Locator } from './locator.ts'
import { openPool } from './pool.ts'
import type { RecoveryHook, Redis } from './redis.ts'
import { scanPage } from './scan.ts'
import { type Endpoint, endpointName, type LinkRole, type NodeSettings } from './settings.ts'

interface IntroductionParts {
  readonly settings: NodeSettings
  readonly role: LinkRole
  /** How many connections make up the link. */
  readonly pool: number
  readonly locator: Locator
  /** The server is expected to have all keys. */
  readonly alone?: boolean
  /** What must be done on a link before anybody else may use it. */
  readonly hooks: ReadonlySet<RecoveryHook>
  readonly slot: Redis['slot']
  /** Whether the server has the key. */
  concerns(key: string): boolean
  /** What recovers a link before it is open to others has only that link to wait for. */
  sendOver(link: Link): Send
  /** What lies behind it: the run id of the server before, and milliseconds. Undefined: it is the first link. */
  outage(): { readonly before: string | undefined; readonly lasted: number } | undefined
  readonly clock: Clock
}

/** A link that may be used, and where it leads. */
export interface Introduced {
  readonly link: Link
  readonly at: Endpoint
}

/**
 * Connects to a server and makes the link ready to be used: it is the server that is meant, and the recovery hooks have run on
 * it, since nothing may be read before them.
 */
export function createIntroduction(parts: IntroductionParts): (signal: AbortSignal) => Promise<Introduced> {
  const { settings, role, pool, locator, alone, hooks, slot, concerns, sendOver, outage, clock } = parts

  /** A cluster of one node has all keys, and may be meant. */
  async function refuseShare(link: Link, at: Endpoint): Promise<void> {
    const info = String(await link.send('cluster', ['INFO']).catch(() => ''))
    if (Number(/^cluster_size:(\d+)/m.exec(info)?.[1] ?? 1) <= 1) return
    const message = `Redis at ${endpointName(at)} is one node of a cluster, whose others have keys too; connect with \`cluster\``
    throw new KeyplanError('UNSUPPORTED', message, { outcome: 'not-executed' })
  }

  async function recover(link: Link): Promise<void> {
    const behind = outage()
    if (!behind) return
    const { runId } = link.handshake
    const restarted = runId === undefined || runId !== behind.before
    const send = sendOver(link)
    const scan: Redis['scan'] = (glob, cursor, call) => scanPage(send, glob, cursor, call)
    const recovered = { ...withScripts(send), scan, slot }
    await Promise.all([...hooks].map(hook => hook(recovered, { concerns, lasted: behind.lasted, restarted })))
  }

  return async signal => {
    const at = await locator.locate(signal)
    const link = await openPool(pool, () => openLink(settings, at, role, clock, signal))
    try {
      if (alone && link.handshake.inCluster) await refuseShare(link, at)
      await recover(link)
      if (locator.confirm && !(await locator.confirm(at, signal))) {
        throw new KeyplanError('DISCONNECTED', `Redis at ${endpointName(at)} is no longer the master`)
      }
      return { link, at }
    } catch (cause) {
      const failure = isKeyplanError(cause)
        ? cause
        : new KeyplanError('DISCONNECTED', `Recovery of ${endpointName(at)} failed`, { cause })
      link.destroy(failure)
      throw failure
    }
  }
}
