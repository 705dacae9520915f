export { type ClientProvider, clientProvider } from './nestjs/client-provider.ts'
export { Locked, type MethodDecorator } from './nestjs/locked.ts'
export { type KeyplanThrottlerStorage, type ThrottlerRecord, throttlerStorage } from './nestjs/throttler-storage.ts'
