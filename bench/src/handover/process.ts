import { contenders } from './contenders.ts'

/** What is told to one of the processes that want the lock, and what it says. */
export type HandoverRequest = { verb: 'open'; name: string; url: string } | { verb: 'once' } | { verb: 'close' }

/** Times of one turn, in milliseconds of the clock that all processes share. */
export interface Turn {
  readonly acquired: number
  readonly releasing: number
}

export type HandoverAnswer = { verb: 'opened' } | ({ verb: 'had' } & Turn) | { verb: 'failed'; message: string }

/** How long the lock is held each time. */
const held = 2

const now = () => performance.timeOrigin + performance.now()
const answer = (message: HandoverAnswer) => void process.send?.(message)
const fail = (error: unknown) =>
  answer({ verb: 'failed', message: error instanceof Error ? error.message : String(error) })

async function serve(name: string, url: string): Promise<void> {
  const open = contenders[name]
  if (!open) throw new Error(`There is no contender ${name}.`)
  const contender = await open(url)
  async function once(): Promise<void> {
    const release = await contender.acquire()
    const acquired = now()
    await new Promise(resolve => setTimeout(resolve, held))
    const releasing = now()
    await release()
    answer({ verb: 'had', acquired, releasing })
  }
  process.on('message', ({ verb }: HandoverRequest) => {
    if (verb === 'once') once().catch(fail)
    if (verb === 'close') contender.close().then(() => process.disconnect(), fail)
  })
  // A first turn, so that what is made at first use is there.
  const release = await contender.acquire()
  await release()
  answer({ verb: 'opened' })
}

process.once('message', (message: HandoverRequest) => {
  if (message.verb === 'open') serve(message.name, message.url).catch(fail)
})
