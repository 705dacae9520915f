import { KeyplanError, kindOf } from '../../base/error.ts'
import type { AcquireOptions, Lock } from '../../kinds/lock/contract.ts'

type Method = (...args: never[]) => Promise<unknown>

/** A decorator of asynchronous methods, as TypeScript's `experimentalDecorators` and as the standard have it. */
export interface MethodDecorator<Self, Args extends readonly unknown[]> {
  <M extends (...args: [...Args, ...never[]]) => Promise<unknown>>(
    target: object,
    name: string | symbol,
    descriptor: TypedPropertyDescriptor<M>,
  ): void
  <M extends (this: Self, ...args: [...Args, ...never[]]) => Promise<unknown>>(
    method: M,
    context: { kind: 'method' },
  ): M
}

/** What `reflect-metadata` adds, with which Nest remembers what other decorators say of a method. */
interface Metadata {
  getOwnMetadataKeys?(target: object): unknown[]
  getOwnMetadata?(key: unknown, target: object): unknown
  defineMetadata?(key: unknown, value: unknown, target: object): void
}

/**
 * Runs an asynchronous method while a lock is held: `@Locked((service: Reports, id: string) => service.redis.report({ id }))`.
 * The lock is looked up with the instance and the arguments of each call. It is not told to the method when the lock is lost:
 * what must know calls `run` of the lock itself.
 *
 * @throws KeyplanError PARAM_INVALID for what is no function or decorates no method; the method itself LOCK_BUSY when the
 * lock did not come free in time, and as `run` of a lock
 */
export function Locked<Self, Args extends readonly unknown[]>(
  lockOf: (self: Self, ...args: Args) => Lock,
  options?: AcquireOptions,
): MethodDecorator<Self, Args> {
  if (typeof lockOf !== 'function') {
    const message = `Locked() was given ${kindOf(lockOf)}; give it a function: (self, …args) => self.redis.report({ … })`
    throw new KeyplanError('PARAM_INVALID', message)
  }

  function locked(method: Method): Method {
    async function run(this: Self, ...args: never[]) {
      return lockOf(this, ...(args as unknown as Args)).run(() => method.apply(this, args), options)
    }
    Object.defineProperty(run, 'name', { value: method.name })
    takeOver(method, run)
    return run
  }

  function decorate(first: object, _name: unknown, descriptor?: TypedPropertyDescriptor<Method>) {
    if (typeof first === 'function' && !descriptor) return locked(first as Method)
    if (typeof descriptor?.value !== 'function') {
      throw new KeyplanError('PARAM_INVALID', 'Locked() decorates methods alone')
    }
    descriptor.value = locked(descriptor.value)
    return undefined
  }
  return decorate as MethodDecorator<Self, Args>
}

/** Other decorators, such as those of routes, have left their marks on the method itself. */
function takeOver(method: Method, run: Method): void {
  const { getOwnMetadataKeys, getOwnMetadata, defineMetadata } = Reflect as Metadata
  for (const key of getOwnMetadataKeys?.(method) ?? []) defineMetadata?.(key, getOwnMetadata?.(key, method), run)
}
