export { infoNumber, parseInfo, type ServerInfo } from './server/info.ts'
export { type HealthOptions, type RedisHealth, redisHealth } from './watch/health.ts'
export {
  defineWorker,
  isWorkerDefinition,
  type Job,
  type Work,
  type WorkerDefinition,
  type WorkerOptions,
} from './worker/definition.ts'
