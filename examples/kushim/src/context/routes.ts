import { badInput } from '../http/http-error.ts'
import { object, optionalText, text, texts, wholeNumber } from '../http/input.ts'
import type { HttpRequest, Route } from '../http/router.ts'
import { type ContextEdits, depths } from './context-group.ts'
import type { ContextService } from './context-service.ts'

const path = '/records/:id/context'

const userOf = (request: HttpRequest) => text('X-User-Id', request.header('x-user-id'))

function readEdits(body: unknown): Partial<ContextEdits> {
  const input = object('body', body, ['title', 'pinned', 'removed'])
  const title = input.title === null ? null : optionalText('title', input.title, { max: 500 })
  const pinned = texts('pinned', input.pinned)
  const removed = texts('removed', input.removed)
  if (title === undefined && !pinned && !removed) throw badInput('body', 'must hold title, pinned or removed')
  return {
    ...(title === undefined ? {} : { title }),
    ...(pinned ? { pinned } : {}),
    ...(removed ? { removed } : {}),
  }
}

export function contextRoutes(context: ContextService): Route[] {
  return [
    {
      method: 'GET',
      path,
      query: ['depth'],
      async handle(request) {
        const { depth: given = String(depths.usual) } = request.query
        const depth = wholeNumber('depth', given, depths.least, depths.most)
        const { value, hit } = await context.group(userOf(request), text('id', request.params.id), depth)
        return { status: 200, body: value, headers: { 'x-cache': hit ? 'hit' : 'miss' } }
      },
    },
    {
      method: 'PUT',
      path,
      async handle(request) {
        const userId = userOf(request)
        const id = text('id', request.params.id)
        const edits = await context.edit(userId, id, readEdits(await request.json()))
        return { status: 200, body: { recordId: id, ...edits } }
      },
    },
  ]
}
