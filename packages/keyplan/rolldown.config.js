/*
 * The library is more than a hundred small modules, and to find and link each of them costs a process that imports it a
 * good part of a millisecond: two files and what they share load in a third of the time. What a declaration needs is one
 * of them, and each kind, which is loaded when it is used, another. Types come from tsc.
 */
export default {
  input: {
    index: 'src/index.ts',
    'client/index': 'src/client/index.ts',
    'config/index': 'src/config/index.ts',
    'adapters/bentocache': 'src/adapters/bentocache.ts',
    'adapters/cookies': 'src/adapters/cookies.ts',
    'adapters/express': 'src/adapters/express.ts',
    'adapters/express-rate-limit': 'src/adapters/express-rate-limit.ts',
    'adapters/express-session': 'src/adapters/express-session.ts',
    'adapters/fastify': 'src/adapters/fastify.ts',
    'adapters/hono': 'src/adapters/hono.ts',
    'adapters/idempotency': 'src/adapters/idempotency.ts',
    'adapters/keyv': 'src/adapters/keyv.ts',
    'adapters/koa': 'src/adapters/koa.ts',
    'adapters/nestjs': 'src/adapters/nestjs.ts',
    'adapters/next': 'src/adapters/next.ts',
    'adapters/socket-io': 'src/adapters/socket-io.ts',
    'adapters/sse': 'src/adapters/sse.ts',
    'adapters/undici': 'src/adapters/undici.ts',
    'adapters/unstorage': 'src/adapters/unstorage.ts',
    'adapters/verrou': 'src/adapters/verrou.ts',
    'adapters/websocket': 'src/adapters/websocket.ts',
  },
  platform: 'node',
  transform: { target: 'es2023' },
  external: [/^node:/, 'ioredis', '@ioredis/commands', 'lru-cache', 'yaml'],
  output: {
    dir: 'dist',
    format: 'esm',
    chunkFileNames: ({ facadeModuleId }) => {
      const [, kind] = /src.kinds.([\w-]+(?:.read-write)?).kind\.ts$/.exec(facadeModuleId ?? '') ?? []
      return kind ? `kinds/${kind.replace(/\W/g, '-')}.js` : 'shared/[name].js'
    },
    codeSplitting: { groups: [{ name: 'plan', test: /src.(base|plan|kinds.[\w-]+.contract)\b/ }] },
  },
}
