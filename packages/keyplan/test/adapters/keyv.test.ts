import { Keyv, type KeyvStoreAdapter } from 'keyv'
import { expect, test } from 'vitest'
import { type KeyvStore, keyvStore } from '../../src/adapters/keyv.ts'
import { keyvPromises } from './keyv-promises.ts'
import { overBoth } from './over-both.ts'

keyvPromises(
  '5',
  options => new Keyv(options),
  keyv => (keyv as Keyv).iterator!(undefined),
)

overBoth(consumer => {
  test('Keyv 5 takes the store by its type, and prefixes keys or leaves that to the store', async () => {
    const store: KeyvStoreAdapter = keyvStore(consumer.redis.texts) satisfies KeyvStore
    const bare = new Keyv({ store, namespace: 'bare', useKeyPrefix: false })
    await bare.set('a', 1)
    expect(await bare.get('a')).toBe(1)
    expect(await consumer.redis.texts({ key: 'bare::a' }).has()).toBe(true)
    await bare.clear()
    expect(await bare.get('a')).toBeUndefined()
  })

  test('what no cache can hold is an error that says so', async () => {
    const keyv = new Keyv({ store: keyvStore(consumer.redis.texts), throwOnErrors: true })
    keyv.on('error', () => {})
    await expect(keyv.set('x'.repeat(2_000), 1)).rejects.toMatchObject({ code: 'PARAM_INVALID' })
  })
})
