import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'

/**
 * A name that no other worker has: two under one name would take each other's work for their own. The stem is what people
 * know the process by.
 */
export function consumerName(stem: string | undefined): string {
  const known = stem || process.env.WORKER_CONSUMER_NAME || hostname()
  return `${known}:${process.pid}:${randomUUID().slice(0, 8)}`
}
