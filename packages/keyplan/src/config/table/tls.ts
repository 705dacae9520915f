import type { Setting } from '../setting.ts'

export const tls = [
  {
    path: 'redis.tls.enabled',
    kind: 'flag',
    env: { REDIS_TLS_ENABLED: { of: ['developer-mesh'] }, REDIS_SSL: { of: ['higherself'] } },
    of: ['developer-mesh'],
    means: "where it and the URL's scheme disagree, the one that asks for TLS wins, with a warning",
  },
  {
    path: 'redis.tls.ca_file',
    kind: 'file',
    env: { REDIS_TLS_CA_FILE: { of: ['developer-mesh'] }, REDIS_SSL_CA_CERTS: { of: ['higherself'] } },
    of: ['developer-mesh'],
    means: 'the certificate authorities to trust, PEM',
  },
  {
    path: 'redis.tls.cert_file',
    kind: 'file',
    env: { REDIS_TLS_CERT_FILE: { of: ['developer-mesh'] }, REDIS_SSL_CERTFILE: { of: ['higherself'] } },
    of: ['developer-mesh'],
    means: "the client's certificate, PEM; only with its key",
  },
  {
    path: 'redis.tls.key_file',
    kind: 'file',
    env: { REDIS_TLS_KEY_FILE: { of: ['developer-mesh'] }, REDIS_SSL_KEYFILE: { of: ['higherself'] } },
    of: ['developer-mesh'],
    means: "the client's key, PEM",
  },
  {
    path: 'redis.tls.options.skip_verify',
    kind: 'flag',
    env: { REDIS_TLS_SKIP_VERIFY: { of: ['developer-mesh'] } },
    of: ['developer-mesh'],
    default: 'false',
    means:
      '**insecure**: anyone on the way can pose as the server; warned of at each start (`tls: { insecureSkipVerify: true }`)',
  },
  {
    path: 'redis.tls.options.cert_reqs',
    kind: 'choice',
    choices: ['required', 'optional', 'none'],
    env: { REDIS_SSL_CERT_REQS: { of: ['higherself'] } },
    default: 'required',
    means: '`none` and `optional` are the insecure option above',
  },
  {
    path: 'redis.tls.options.server_name',
    kind: 'text',
    of: ['developer-mesh'],
    means: "the name the server's certificate must have; where unsaid, its host",
  },
  {
    path: 'redis.tls.options.min_version',
    kind: 'choice',
    choices: ['1.2', '1.3'],
    of: ['developer-mesh'],
    default: '1.2',
    means: 'the oldest version of TLS that is spoken',
  },
  {
    path: 'redis.tls.node',
    kind: 'tls',
    option: 'tls',
    effect: 'code',
    means:
      "Node's own TLS options, which asks for TLS; `rejectUnauthorized: false` has to be written `insecureSkipVerify: true`",
  },
] as const satisfies readonly Setting[]
