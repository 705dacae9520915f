import type { ClientVerbs } from '../../client/client.ts'

/** A provider of Nest. */
export interface ClientProvider<Client, Token> {
  provide: Token
  useFactory(): Promise<Client & { onApplicationShutdown(): Promise<void> }>
}

/**
 * Provides the client of a plan under a token of yours: `clientProvider(REDIS, () => connect(plan))`. It is connected before
 * the application starts, and closed when it ends: after the last request, before `app.close()` resolves.
 */
export function clientProvider<Client extends Pick<ClientVerbs, '$close'>, const Token extends string | symbol>(
  token: Token,
  open: () => Promise<Client>,
): ClientProvider<Client, Token> {
  return {
    provide: token,
    async useFactory() {
      const client = await open()
      return Object.create(client, { onApplicationShutdown: { value: () => client.$close() } })
    },
  }
}
