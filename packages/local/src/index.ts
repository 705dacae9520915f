export type { ClusterMember, ClusterNode } from './cluster/cluster-shape.ts'
export { keySlot } from './cluster/key-slot.ts'
export type { SlotRange } from './cluster/nodes-table.ts'
export type { SlotMove } from './cluster/slot-move.ts'
export { type Cluster, type ClusterOptions, startCluster } from './cluster/start-cluster.ts'
export {
  NoSmallDisk,
  type RedisOnSmallDisk,
  type SmallDiskOptions,
  startOnSmallDisk,
} from './disk/start-on-small-disk.ts'
export { type PortHolder, portHolder } from './port/port-holder.ts'
export type { Fault, FaultKind } from './proxy/fault.ts'
export { type FaultProxy, type ProxyOptions, type ProxyTotals, startProxy } from './proxy/fault-proxy.ts'
export type { ProxyLink, Traffic } from './proxy/proxy-link.ts'
export { type Replicated, type ReplicatedOptions, startReplicated } from './replicated/start-replicated.ts'
export { type SentinelOptions, type SentinelTopology, startSentinel } from './sentinel/start-sentinel.ts'
export type { AclUser } from './server/acl-user.ts'
export { findRedisServer, type RedisServerBinary } from './server/find-redis-server.ts'
export type { Directives, RedisOptions, ServerOptions } from './server/redis-configuration.ts'
export type { RedisProcess } from './server/redis-process.ts'
export {
  connectResp,
  type RespConnection,
  type RespOptions,
  type RespTarget,
} from './server/resp-connection.ts'
export type { RespReply } from './server/resp-reply.ts'
export { startRedis } from './server/start-redis.ts'
export {
  type Certificate,
  type CertificateAuthority,
  createAuthority,
  type IssueOptions,
} from './tls/certificate-authority.ts'
export type { ServerTls, TlsOptions } from './tls/server-tls.ts'
export { startStandalone } from './topology/start-standalone.ts'
export { type TopologyChoice, type TopologyName, topologies } from './topology/topologies.ts'
export type { Topology } from './topology/topology.ts'
