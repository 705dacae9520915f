import { afterEach, describe, expect, test } from 'vitest'
import { handClock } from '../../src/base/clock.ts'
import { KeyplanError } from '../../src/base/error.ts'
import {
  createSource,
  type Source,
  type SourceNotice,
  type SourceParts,
  type Turn,
} from '../../src/mechanisms/source.ts'

const down = () => new KeyplanError('DISCONNECTED', 'Redis is down', { outcome: 'not-executed' })
const denied = () => new KeyplanError('NO_PERMISSION', 'Redis: no permission', { outcome: 'not-executed' })

describe('a source', () => {
  const clock = handClock()
  const sources: Source[] = []

  function open(turn: SourceParts['turn'], more: Partial<SourceParts> = {}) {
    const notices: SourceNotice[] = []
    const notify = (notice: SourceNotice) => notices.push(notice)
    const source = createSource({ namespace: 'events', name: 'worker', clock, turn, notify, ...more })
    sources.push(source)
    return { source, notices, warnings: () => notices.flatMap(({ warning }) => warning ?? []) }
  }
  /** A turn that waits until its signal fires. */
  const forever = ({ signal }: Turn) =>
    new Promise<undefined>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

  afterEach(async () => {
    for (const source of sources.splice(0)) {
      const closed = source.close(0)
      await clock.advance(0)
      await closed
    }
  })

  test('runs turn after turn, and rests as long as a turn says', async () => {
    let turns = 0
    const { source } = open(async () => (++turns < 3 ? undefined : 1_000))
    await clock.advance(0)
    expect(turns).toBe(3)
    await clock.advance(999)
    expect(turns).toBe(3)
    await clock.advance(1)
    expect(turns).toBe(4)
    source.ring()
    await clock.advance(0)
    expect(turns).toBe(5)
    expect(source.health).toMatchObject({ state: 'running', well: true, failures: 0 })
  })

  test('who rings while a turn is under way is not forgotten', async () => {
    let turns = 0
    let finish = () => {}
    const { source } = open(() => {
      turns++
      return new Promise(resolve => {
        finish = () => resolve(60_000)
      })
    })
    source.ring()
    finish()
    await clock.advance(0)
    expect(turns).toBe(2)
    finish()
    await clock.advance(0)
    expect(turns).toBe(2)
  })

  test('after failures it pauses ever longer, at most 2 s, and is well again after a good turn', async () => {
    const at: number[] = []
    let works = false
    const { source, notices } = open(async () => {
      at.push(clock.now())
      if (!works) throw down()
      return 60_000
    })
    await clock.advance(60_000)
    const pauses = at.slice(1).map((time, index) => time - at[index]!)
    expect(pauses[0]).toBeLessThanOrEqual(50)
    expect(Math.max(...pauses)).toBeLessThanOrEqual(2_000)
    expect(Math.min(...pauses.slice(8))).toBeGreaterThanOrEqual(1_000)
    expect(new Set(pauses.slice(8)).size).toBeGreaterThan(5)
    expect(source.health).toMatchObject({ state: 'waiting', well: false, failures: at.length })
    expect(source.health.forMs).toBeGreaterThan(59_000)
    expect(source.health.error).toMatchObject({ code: 'DISCONNECTED' })
    works = true
    await clock.advance(2_000)
    expect(source.health).toMatchObject({ state: 'running', well: true, failures: 0, error: undefined })
    expect(notices.at(-1)).toMatchObject({ type: 'source-running', namespace: 'events', source: 'worker' })
  })

  test('a turn that waits for data says itself that the server has answered', async () => {
    let works = false
    const { source, notices } = open(async turn => {
      if (!works) throw down()
      turn.well()
      return forever(turn)
    })
    await clock.advance(1_000)
    works = true
    await clock.advance(2_000)
    expect(source.health).toMatchObject({ state: 'running', well: true, failures: 0, error: undefined })
    expect(notices.at(-1)).toMatchObject({ type: 'source-running', namespace: 'events', source: 'worker' })
  })

  test('an outage writes no line of its own; another failure one line, and one each 30 s', async () => {
    const outage = open(() => Promise.reject(down()))
    const refusal = open(() => Promise.reject(denied()))
    await clock.advance(90_000)
    expect(outage.warnings()).toEqual([])
    expect(outage.notices.length).toBeLessThan(10)
    expect(refusal.warnings().length).toBeGreaterThanOrEqual(3)
    expect(refusal.warnings().length).toBeLessThanOrEqual(4)
    expect(refusal.warnings()[0]).toBe('events: the worker fails and is tried again: Redis: no permission')
  })

  test('what a turn throws that is no error of the library shows nothing of itself', async () => {
    const { warnings } = open(() => Promise.reject(new TypeError('secret')))
    await clock.advance(0)
    expect(warnings()).toEqual(['events: the worker fails and is tried again: TypeError'])
  })

  test('pausing ends the turn under way, which is no failure; resuming begins another', async () => {
    let turns = 0
    const { source } = open(turn => {
      turns++
      return forever(turn)
    })
    await clock.advance(0)
    source.pause()
    await clock.advance(10_000)
    expect(turns).toBe(1)
    expect(source.health).toMatchObject({ state: 'paused', well: true })
    source.resume()
    await clock.advance(0)
    expect(turns).toBe(2)
    expect(source.health.state).toBe('running')
  })

  test('closing begins no other turn and waits for what is under way', async () => {
    let finish = () => {}
    const { source } = open(forever, { drain: () => new Promise<void>(resolve => (finish = resolve)) })
    await clock.advance(0)
    let closed = false
    const closing = source.close(5_000).then(() => (closed = true))
    await clock.advance(1_000)
    expect(source.health.state).toBe('draining')
    expect(closed).toBe(false)
    finish()
    await closing
    expect(source.health.state).toBe('closed')
  })

  test('what does not end within the grace is told so, and a second close may shorten the grace', async () => {
    let late = false
    const drain = (signal: AbortSignal) =>
      new Promise<void>(resolve =>
        signal.addEventListener('abort', () => {
          late = true
          resolve()
        }),
      )
    const { source } = open(forever, { drain })
    const closing = source.close(60_000)
    await clock.advance(1_000)
    expect(late).toBe(false)
    const hurried = source.close(100)
    await clock.advance(100)
    expect(late).toBe(true)
    await Promise.all([closing, hurried])
  })

  test('a turn that does not heed its signal keeps nobody from closing', async () => {
    const { source } = open(() => new Promise(() => {}))
    const closing = source.close(100)
    await clock.advance(100)
    await closing
    expect(source.health.state).toBe('closed')
  })

  test('a drain that fails is told and closes all the same', async () => {
    const { source, notices } = open(forever, { drain: () => Promise.reject(down()) })
    await source.close(100)
    expect(notices).toMatchObject([{ type: 'source-drain-failed' }])
    expect(source.health.state).toBe('closed')
  })

  test('gaps are told and counted', async () => {
    const { source, notices } = open(forever)
    source.gap({ reason: 'trimmed', count: 3 })
    expect(notices).toEqual([{ type: 'gap', namespace: 'events', source: 'worker', reason: 'trimmed', count: 3 }])
    expect(source.health.gaps).toBe(1)
  })
})
