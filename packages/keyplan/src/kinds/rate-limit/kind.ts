import { beatScript } from '../../mechanisms/instances.ts'
import type { Declaration } from '../../plan/declaration.ts'
import type { Kind, Opened } from '../kind.ts'
import type { ConcurrencyDeclaration, ConcurrencyNamespace } from './concurrency/contract.ts'
import { openAllPermits, openPermits } from './concurrency/open.ts'
import { concurrencyScripts } from './concurrency/scripts.ts'
import type { RateLimitDeclaration, RateLimitNamespace } from './contract.ts'
import { openAllRates, openRates } from './open.ts'
import { rateLimitScripts } from './scripts.ts'

/** Rates, which are counted, and what goes on at once, which is held. */
type Either = Declaration<'rateLimit', string, RateLimitNamespace | ConcurrencyNamespace> &
  (RateLimitDeclaration | ConcurrencyDeclaration)

type EitherOpened = Opened<RateLimitNamespace | ConcurrencyNamespace>

const isConcurrency = (declaration: Either): declaration is Either & ConcurrencyDeclaration =>
  'leaseMs' in declaration.options

export const rateLimitKind: Kind<Either> = {
  kind: 'rateLimit',
  scripts: [...rateLimitScripts, ...concurrencyScripts, beatScript],
  open: (declaration, surroundings): EitherOpened =>
    isConcurrency(declaration) ? openPermits(declaration, surroundings) : openRates(declaration, surroundings),
  feature: 'rateLimit',
  openDisabled: (declaration, surroundings): EitherOpened =>
    isConcurrency(declaration) ? openAllPermits(declaration, surroundings) : openAllRates(declaration, surroundings),
}
