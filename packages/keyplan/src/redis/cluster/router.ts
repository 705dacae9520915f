import type { Call } from '../../base/call.ts'
import type { Clock } from '../../base/clock.ts'
import { isKeyplanError, type KeyplanError } from '../../base/error.ts'
import type { SenderOptions } from '../commands.ts'
import { type Redirection, redirectionOf } from '../failure.ts'
import type { Node } from '../node.ts'
import type { Argument, Reply } from '../redis.ts'
import { refusalOf } from '../waiting.ts'

/** Sends calls to the node that has their slot, and after it when it has moved. A call without a slot goes to any node. */
export interface Router {
  /**
   * @param args what the call weighs while it waits
   * @param ask `asking`: the node serves this call alone, and only if ASKING goes before it
   */
  run<T>(
    slot: number | undefined,
    call: Call,
    args: readonly Argument[],
    ask: (node: Node, asking: boolean) => Promise<T>,
  ): Promise<T>
  block(slot: number | undefined, ask: (node: Node, asking: boolean) => Promise<Reply>): Promise<Reply>
}

interface RouterOptions {
  ownerOf(slot: number | undefined): Node | undefined
  /** The node that an answer points to. Notes who has the slot from now on. */
  pointed(redirection: Redirection, answered: Node): Node
  /** What becomes of a call whose slot nobody is known to have. */
  absent: SenderOptions['absent']
  unserved(): KeyplanError
  /** The map may be out of date. */
  disturbed(): void
  readonly maxRedirects: number
  clock: Clock
}

interface Journey<T> {
  readonly slot: number | undefined
  readonly call: Call
  readonly args: readonly Argument[]
  readonly ask: (node: Node, asking: boolean) => Promise<T>
  /** A reading of the clock until which it waits for its keys to be together. Known once they are not. */
  patience: number | undefined
}

/** It was not asked at all: the node has lost the slot while the call waited for it. */
const isDismissed = (error: unknown) =>
  isKeyplanError(error, 'REDIRECTED') && error.outcome === 'not-executed' && !redirectionOf(error)

/** A slot on its way answers TRYAGAIN until the keys of the call are together. */
const tryAgainMs = 20

export function createRouter(options: RouterOptions): Router {
  const { ownerOf, pointed, absent, unserved, disturbed, maxRedirects, clock } = options

  function begin<T>(journey: Journey<T>): Promise<T> {
    const { slot, call, args, ask } = journey
    const node = ownerOf(slot)
    if (node) return ask(node, false).catch(error => follow(error, node, journey))
    return new Promise((resolve, reject) => {
      absent(call, args, () => begin(journey).then(resolve, reject), reject)
    })
  }

  async function follow<T>(error: unknown, answered: Node, journey: Journey<T>): Promise<T> {
    const { call, ask } = journey
    let node = answered
    let reason = error
    for (let redirects = 0; ; ) {
      const redirection = redirectionOf(reason)
      if (redirection && redirects++ < maxRedirects) node = redirected(redirection, node, call)
      else if (isKeyplanError(reason, 'TRY_AGAIN')) {
        await untilTogether(reason, journey)
        return begin(journey)
      } else if (isDismissed(reason)) return begin(journey)
      else {
        if (isKeyplanError(reason, 'CLUSTER_DOWN')) disturbed()
        throw reason
      }
      try {
        return await ask(node, redirection?.kind === 'ASK')
      } catch (failure) {
        reason = failure
      }
    }
  }

  /** Who answers that the call belongs elsewhere did not run it. */
  function redirected(redirection: Redirection, answered: Node, call: Call): Node {
    call.written--
    return pointed(redirection, answered)
  }

  /** Half of its time is left for the answer that it is not: what is on its way when its time is up may have been done. */
  async function untilTogether(reason: KeyplanError, journey: Journey<unknown>): Promise<void> {
    const { call } = journey
    const now = clock.now()
    journey.patience ??= (now + call.expires) / 2
    if (now >= journey.patience) throw reason
    call.written--
    await new Promise<void>(resolve => clock.after(tryAgainMs, resolve, true))
    const refusal = refusalOf(call, clock.now())
    if (refusal) throw refusal
  }

  return {
    run: (slot, call, args, ask) => begin({ slot, call, args, ask, patience: undefined }),
    async block(slot, ask) {
      let asked: Node | undefined
      for (let redirects = 0; ; redirects++) {
        const node: Node | undefined = asked ?? ownerOf(slot)
        if (!node) throw unserved()
        try {
          return await ask(node, asked !== undefined)
        } catch (error) {
          asked = undefined
          if (isDismissed(error)) continue
          const redirection = redirectionOf(error)
          if (!redirection || redirects >= maxRedirects) throw error
          const next = pointed(redirection, node)
          if (redirection.kind === 'ASK') asked = next
        }
      }
    },
  }
}
