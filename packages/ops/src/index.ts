export { infoNumber, parseInfo, type ServerInfo } from './server/info.ts'
export { type HealthOptions, type RedisHealth, redisHealth } from './watch/health.ts'
