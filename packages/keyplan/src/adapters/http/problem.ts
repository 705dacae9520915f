/** A response that is not the application's (RFC 9457). */
export interface Refusal {
  readonly status: 429 | 503
  readonly contentType: 'application/problem+json'
  readonly body: string
}

export function problem(status: Refusal['status'], type: string, title: string, more: object = {}): Refusal {
  return {
    status,
    contentType: 'application/problem+json',
    body: JSON.stringify({ type, title, status, ...more }),
  }
}
