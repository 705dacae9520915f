import { type Program, runProgram } from './program.ts'

export interface InstanceUnderTest extends Program {
  readonly url: string
}

/** Starts one API instance on a free port, and resolves when it listens. */
export async function startInstance(variables: Record<string, string>): Promise<InstanceUnderTest> {
  const program = runProgram('main.js', { PORT: '0', ...variables })
  const line = await program.said('listening on ')
  return { ...program, url: line.slice(line.indexOf('http')) }
}

export interface Reply {
  readonly status: number
  // The shape is the business of each test.
  readonly body: Record<string, unknown>
  readonly headers: Headers
  readonly ms: number
}

/** Every answer is due in under two seconds, whatever happens to Redis: a later one is an error. */
const promisedMs = 2_000

export async function ask(
  instance: { url: string },
  method: 'GET' | 'POST' | 'PUT',
  path: string,
  { body, user }: { body?: unknown; user?: string } = {},
): Promise<Reply> {
  const begun = performance.now()
  const response = await fetch(`${instance.url}${path}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(user === undefined ? {} : { 'x-user-id': user }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(promisedMs),
  })
  const answer = (await response.json()) as Record<string, unknown>
  return { status: response.status, body: answer, headers: response.headers, ms: performance.now() - begun }
}
