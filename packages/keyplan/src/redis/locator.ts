import type { Endpoint } from './settings.ts'

/** Knows where a server is. One that can move is looked for anew for each connection. */
export interface Locator {
  /** What the server is called while it is not known where it is. */
  readonly name: string
  /** @throws KeyplanError when nobody knows; MASTER_DOWN when it is no longer to be used, wherever it is */
  locate(signal: AbortSignal): Promise<Endpoint>
  /** Whether it is still there, now that a link to it stands: a server that was frozen may not know it was replaced. */
  confirm?(endpoint: Endpoint, signal: AbortSignal): Promise<boolean>
  /** Tells whenever it has, or may have, moved. */
  watch?(moved: () => void): void
  close?(): Promise<void>
}

/** A server at one address, whose name is resolved anew for each connection. */
export function fixedAt(endpoint: Endpoint, name: string): Locator {
  return { name, locate: async () => endpoint }
}
