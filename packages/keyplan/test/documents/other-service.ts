import { connectResp } from '@keyplan/local'

/** Another service on the same server, which knows nothing of plans: it reads and writes keys by name. */
export interface OtherService {
  get(key: string): Promise<Buffer | undefined>
  set(key: string, value: string | Uint8Array, seconds: number): Promise<void>
  delete(key: string): Promise<void>
  /** How long the key lives on, in milliseconds. */
  lifetime(key: string): Promise<number>
  /** All keys of the server but those that a kind keeps beside its values, sorted. */
  keys(): Promise<string[]>
  /** Those that are kept beside values. */
  helperKeys(): Promise<string[]>
  publish(channel: string, message: string): Promise<void>
  flush(): Promise<void>
  close(): void
}

export async function openOtherService(port: number): Promise<OtherService> {
  // One character is one byte, so that any bytes can be written and read.
  const { ask, close } = await connectResp({ port }, { encoding: 'latin1' })
  const wire = (bytes: string | Uint8Array) => Buffer.from(bytes as string).toString('latin1')
  const isHelper = (key: string) => key.includes(':~')
  const scanned = async () => ((await ask('KEYS', '*')) as string[]).sort()
  return {
    async get(key) {
      const reply = await ask('GET', wire(key))
      return typeof reply === 'string' ? Buffer.from(reply, 'latin1') : undefined
    },
    async set(key, value, seconds) {
      await ask('SET', wire(key), wire(value), 'EX', String(seconds))
    },
    async delete(key) {
      await ask('DEL', wire(key))
    },
    lifetime: async key => (await ask('PTTL', wire(key))) as number,
    keys: async () => (await scanned()).filter(key => !isHelper(key)),
    helperKeys: async () => (await scanned()).filter(isHelper),
    async publish(channel, message) {
      await ask('PUBLISH', channel, wire(message))
    },
    async flush() {
      await ask('FLUSHALL')
    },
    close,
  }
}
