import { connect } from 'keyplan/client'
import { heapUsed } from '../heap-used.ts'
import { fills } from './fills.ts'

export interface FillRequest {
  readonly url: string
  readonly name: string
  readonly keys: number
}

export type FillAnswer =
  | { verb: 'filled'; copies: number; counted: number; taken: number }
  | { verb: 'failed'; message: string }

const together = 1_000

/** Stores so many values, reads all of them through a near cache, and tells by how much the heap has grown by that. */
async function fill({ url, name, keys }: FillRequest): Promise<FillAnswer> {
  const { plan, make } = fills[name as 'records of 100 B']
  const redis = await connect(plan, { url, log: false })
  const pages = Array.from({ length: Math.ceil(keys / together) }, (_, page) =>
    Array.from({ length: together }, (_, index) => page * together + index),
  )
  for (const page of pages) {
    await redis.items.setMany(page.map(i => ({ params: { key: `${i}` }, value: make(i) })))
  }
  const before = await heapUsed()
  for (const page of pages) await redis.items.getMany(page.map(i => ({ key: `${i}` })))
  const taken = (await heapUsed()) - before
  const { nearCopies, nearBytes } = redis.$stats().namespaces.items!.cache!
  return { verb: 'filled', copies: nearCopies, counted: nearBytes, taken }
}

process.once('message', (request: FillRequest) => {
  fill(request)
    .catch((error: unknown): FillAnswer => ({ verb: 'failed', message: String(error) }))
    .then(answer => process.send?.(answer))
})
