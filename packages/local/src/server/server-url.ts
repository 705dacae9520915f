import type { Login } from './login.ts'

type Place = { readonly ports: readonly number[]; readonly tls: boolean } | { readonly socketPath: string }

/** `redis://`, `rediss://` or `unix://`; several ports are written one after the other, as Sentinel URLs have them. */
export function serverUrl(place: Place, login: Login | undefined): string {
  const credentials =
    login === undefined ? '' : `${encodeURIComponent(login.user ?? '')}:${encodeURIComponent(login.password)}@`
  if ('socketPath' in place) return `unix://${credentials}${place.socketPath}`
  const hosts = place.ports.map(port => `127.0.0.1:${port}`).join(',')
  return `${place.tls ? 'rediss' : 'redis'}://${credentials}${hosts}`
}
