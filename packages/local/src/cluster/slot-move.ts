import type { Login } from '../server/login.ts'
import { type RespConnection, spelled } from '../server/resp-connection.ts'
import type { ClusterNode } from './cluster-shape.ts'

/** A slot on its way from one master to another. */
export interface SlotMove {
  readonly slot: number
  readonly from: ClusterNode
  readonly to: ClusterNode
  /** How many keys have been moved so far. */
  readonly moved: number
  /** Moves the keys that are left and tells every master who has the slot now. May be called again. */
  finish(): Promise<void>
}

interface MoveOptions {
  readonly slot: number
  readonly from: ClusterNode
  readonly to: ClusterNode
  readonly login: Login | undefined
  /** Whom to tell in the end. Default: those it is between. */
  masters(): Promise<readonly ClusterNode[]>
}

const migrateWithin = '5000'

/** Opens the slot on both sides: from here on clients are sent to and fro with ASK. No key is moved yet. */
export async function openSlot({ slot, from, to, login, masters }: MoveOptions) {
  const setSlot = (node: ClusterNode, ...words: string[]) => node.ask('CLUSTER', 'SETSLOT', String(slot), ...words)
  await setSlot(to, 'IMPORTING', from.id)
  await setSlot(from, 'MIGRATING', to.id)
  let moved = 0
  let finished = false

  /** At most `limit` keys. */
  const moveKeys = async (limit: number) => {
    // Keys are bytes, and not always text.
    const connection = await from.connect({ encoding: 'latin1' })
    try {
      while (moved < limit) {
        const count = String(Math.min(100, limit - moved))
        const keys = await ask(connection, 'CLUSTER', 'GETKEYSINSLOT', String(slot), count)
        if (!Array.isArray(keys) || keys.length === 0) return
        await migrate(connection, to, login, keys.map(String))
        moved += keys.length
      }
    } finally {
      connection.close()
    }
  }
  const move: SlotMove = {
    slot,
    from,
    to,
    get moved() {
      return moved
    },
    async finish() {
      if (finished) return
      await moveKeys(Number.POSITIVE_INFINITY)
      // First who gets it: if the move broke off in between, nobody would have the slot otherwise.
      await setSlot(to, 'NODE', to.id)
      await setSlot(from, 'NODE', to.id)
      finished = true
      const others = (await masters()).filter(node => node !== from && node !== to)
      await Promise.allSettled(others.map(node => setSlot(node, 'NODE', to.id)))
    },
  }
  return { move, moveKeys }
}

async function migrate(connection: RespConnection, to: ClusterNode, login: Login | undefined, keys: string[]) {
  const auth = login && (login.user === undefined ? ['AUTH', login.password] : ['AUTH2', login.user, login.password])
  const words = (auth ?? []).map(word => spelled(word, 'latin1'))
  await ask(connection, 'MIGRATE', '127.0.0.1', String(to.port), '', '0', migrateWithin, ...words, 'KEYS', ...keys)
}

async function ask(connection: RespConnection, ...words: string[]) {
  const reply = await connection.ask(...words)
  if (reply instanceof Error) throw reply
  return reply
}
