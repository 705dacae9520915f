import type { HttpAnswer } from './response.ts'

const problems = {
  missing: [400, 'Idempotency-Key is missing', 'This operation needs the header Idempotency-Key.'],
  invalid: [400, 'Idempotency-Key is not valid', 'Send 1 to 255 printable ASCII characters, as a quoted string.'],
  running: [409, 'A request is outstanding for this Idempotency-Key', 'It is being worked on; try again in a moment.'],
  lost: [409, 'The request was taken over', 'Another attempt has taken its place; try again for its result.'],
  unknown: [
    409,
    'The outcome of this Idempotency-Key is unknown',
    'It was begun and never ended. Do not repeat it blindly.',
  ],
  mismatch: [422, 'Idempotency-Key is already used', 'It belongs to another request; use a new one for this payload.'],
  failed: [500, 'The request has failed', 'It failed before and is not tried again under this Idempotency-Key.'],
  unavailable: [503, 'The request could not be accepted', 'Nothing was done; try again in a moment.'],
} as const satisfies Record<string, readonly [status: number, title: string, detail: string]>

export type ProblemName = keyof typeof problems

const soon: ReadonlySet<ProblemName> = new Set<ProblemName>(['running', 'lost', 'unavailable'])

/** A problem as RFC 9457 has it. */
export function problemAnswer(name: ProblemName, type: string): HttpAnswer {
  const [status, title, detail] = problems[name]
  return {
    status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...(soon.has(name) && { 'retry-after': '1' }),
    },
    body: Buffer.from(JSON.stringify({ type, title, status, detail })),
  }
}
