/** Who is in the registry: each can do what a hundredth of all can, and says where it is. */
export const agentCount = 10_000
export const beatingCount = 1_000
export const capabilityCount = 100
export const leaseSeconds = 60

export interface AgentCard {
  readonly host: string
  readonly version: string
}

export const nameOf = (n: number): string => `agent-${n}`
export const capabilityOf = (n: number): string => `can-${n % capabilityCount}`
export const cardOf = (n: number): AgentCard => ({ host: `10.0.${n % 256}.1`, version: '1.2.3' })
