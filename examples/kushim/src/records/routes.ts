import { badInput } from '../http/http-error.ts'
import { object, optionalText, text, texts } from '../http/input.ts'
import type { Route } from '../http/router.ts'
import { extractFacets } from './facets.ts'
import type { Ingestion } from './ingestion.ts'
import type { NewRecord } from './record.ts'

const fields = [
  'userId',
  'platform',
  'dataSourceId',
  'externalId',
  'title',
  'content',
  'people',
  'addresses',
  'links',
  'tags',
] as const

function readRecord(body: unknown, sender: string | undefined): NewRecord {
  const input = object('body', body, fields)
  const userId = text('userId', input.userId ?? sender)
  if (sender !== undefined && sender !== userId) throw badInput('userId', 'is not the user of X-User-Id')
  const stated = {
    title: optionalText('title', input.title, { max: 500 }) ?? text('externalId', input.externalId),
    content: optionalText('content', input.content, { min: 0, max: 100_000 }) ?? '',
    people: texts('people', input.people),
    addresses: texts('addresses', input.addresses),
    links: texts('links', input.links, { max: 500 }),
    tags: texts('tags', input.tags),
  }
  return {
    userId,
    platform: text('platform', input.platform),
    dataSourceId: text('dataSourceId', input.dataSourceId),
    externalId: text('externalId', input.externalId),
    title: stated.title,
    content: stated.content,
    facets: extractFacets(stated),
  }
}

export function recordRoutes(ingestion: Ingestion): Route[] {
  return [
    {
      method: 'POST',
      path: '/records',
      async handle(request) {
        const record = readRecord(await request.json(), request.header('x-user-id'))
        const { created, ...ingested } = await ingestion.ingest(record)
        return { status: created ? 201 : 200, body: { ...ingested, created } }
      },
    },
  ]
}
