import { checkOptions } from '../../base/call.ts'
import type { Guarded } from '../../guard/guarded.ts'
import { createLeases } from '../../mechanisms/lease/leases.ts'
import type { Wake } from '../../mechanisms/wake.ts'
import type { Opened, Surroundings } from '../kind.ts'
import type { Semaphore, SemaphoreNamespace, TryPermitOptions } from './contract.ts'
import type { SemaphoreNames } from './names.ts'
import { permitsOf, type SemaphoreSettings } from './settings.ts'
import type { PermitsWanted, SemaphoreStore } from './store.ts'

/** `wake` is where notices of release are heard. */
export function openSemaphores(
  { permits: declared, ttlMs, renew, retry }: SemaphoreSettings,
  store: Guarded<SemaphoreStore>,
  wake: Wake,
  names: SemaphoreNames,
  surroundings: Pick<Surroundings, 'name' | 'pattern' | 'clock' | 'instance' | 'notify'>,
): Opened<SemaphoreNamespace> {
  const { pattern } = surroundings
  const leases = createLeases<PermitsWanted>(
    {
      noun: 'permit',
      ttlMs,
      renew,
      retry,
      access: 'some',
      busy: name => `The semaphore ${name} did not have enough free permits`,
      listen: (key, notice) => [wake.listen(names.wake(key), notice)],
      options: ['permits'],
      steps: {
        acquire: (options, request) => store.acquire(options, request, declared, ttlMs),
        extend: (options, request, ttl) => store.extend(options, request, ttl),
        release: (options, request) => store.release(options, request),
        withdraw: (options, request) => store.withdraw(options, request),
      },
    },
    surroundings,
  )

  function open(key: string): Semaphore {
    // What is no options at all is for the verb to refuse.
    const wanted = (options: TryPermitOptions | null): PermitsWanted => ({
      key,
      permits: permitsOf(options?.permits ?? 1),
    })
    return {
      tryAcquire: async (options = {}) => leases.tryAcquire(wanted(options), options),
      acquire: async (options = {}) => leases.acquire(wanted(options), options),
      run: async (work, options = {}) => leases.run(wanted(options), work, options),
      async inspect(options = {}) {
        checkOptions(options)
        return store.inspect(options, key, declared)
      },
      async resize(permits, options = {}) {
        checkOptions(options)
        return store.resize(options, key, permits === undefined ? undefined : permitsOf(permits))
      },
    }
  }

  return { client: params => open(pattern.format(params)), figures: leases.figures, close: leases.close }
}
