import { expect, test } from 'vitest'
import { folderWith } from '../support/folder.ts'
import { keyplan } from '../support/keyplan.ts'

const yaml = [
  'redis:',
  '  address: main.example:6390',
  '  username: app',
  `  password: \${SECRET}`,
  'environments:',
  '  production:',
  '    redis:',
  '      cluster: { enabled: true, addresses: [one.example:7000, two.example:7000] }',
  '',
].join('\n')

/** The rows by their setting. */
async function explained(args: readonly string[], options: { folder: string; env?: NodeJS.ProcessEnv }) {
  const { code, out, err } = await keyplan(['config', '--json', ...args], options).ended
  expect({ code, err }).toEqual({ code: 0, err: '' })
  const { settings, ...rest } = JSON.parse(out)
  const rows = (settings as { setting: string }[]).map(({ setting, ...row }) => [setting, row])
  return { ...rest, settings: Object.fromEntries(rows) }
}

test('each setting has its value and where it comes from, and a secret is masked', async () => {
  const folder = await folderWith({
    'keyplan.yaml': yaml,
    '.env': 'SECRET=f1rst-s3cret\nREDIS_DB=2\nHOST_OF=db.example\n',
    '.env.production': 'SECRET=s3cond-s3cret\nREDIS_DB=0\n',
  })
  const { out, err, code } = await keyplan(['config'], { folder, env: { REDIS_USERNAME: 'ops' } }).ended
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toMatch(/^environment development · file keyplan\.yaml · server standalone\n/)
  expect(out).toMatch(/^redis\.address +\S*main\.example:6390 +keyplan\.yaml: redis\.address$/m)
  expect(out).toMatch(/^redis\.username +ops +REDIS_USERNAME$/m)
  expect(out).toMatch(/^redis\.password +\(secret\) +keyplan\.yaml: redis\.password$/m)
  expect(out).toMatch(/^redis\.db +2 +REDIS_DB \(\.env\)$/m)
  expect(out).not.toMatch(/s3cret/)

  const production = await explained(['--env', 'production'], { folder })
  expect(production).toMatchObject({ environment: 'production', file: 'keyplan.yaml', server: 'cluster' })
  expect(production.settings['redis.db']).toEqual({ value: '0', source: 'REDIS_DB (.env.production)' })
  expect(JSON.stringify(production)).not.toMatch(/s3cret/)
})

test('every problem is told in one report, with exit code 78 and no secret', async () => {
  const bad = [
    'redis:',
    '  adress: host:1',
    '  port: 70000',
    '  password: { s3cret: 1 }',
    'environments: { production: { redis: { db: some } } }',
  ]
  const folder = await folderWith({ 'other.yaml': bad.join('\n') })
  const { code, out, err } = await keyplan(['config', '--file', 'other.yaml'], { folder }).ended
  expect({ code, out }).toEqual({ code: 78, out: '' })
  for (const path of ['redis.adress', 'did you mean redis.address?', 'redis.port', 'redis.password']) {
    expect(err).toContain(path)
  }
  expect(err).not.toMatch(/s3cret|\n +at /)
  const json = await keyplan(['config', '--file', 'other.yaml', '--json'], { folder }).ended
  expect(json).toMatchObject({ code: 78, err: '' })
  const { error } = JSON.parse(json.out)
  expect(error.code).toBe('CONFIG_INVALID')
  expect(error.problems.length).toBeGreaterThanOrEqual(3)
})

test('a configuration in TypeScript is read', async () => {
  const text = "const port: number = 6391\nexport default { redis: { url: 'redis://ts.example:' + port } }\n"
  const folder = await folderWith({ 'keyplan.ts': text })
  const { file, settings } = await explained([], { folder })
  expect(file).toBe('keyplan.ts')
  expect(settings['redis.url']).toEqual({ value: 'redis://ts.example:6391', source: 'keyplan.ts: redis.url' })
})

test('warnings are shown with the settings, and no server in production is a problem', async () => {
  const folder = await folderWith({})
  const env = { REDIS_URL: 'redis://one.example', REDIS_HOST: 'two.example' }
  const { out } = await keyplan(['config'], { folder, env }).ended
  expect(out).toMatch(/^warning: REDIS_URL and REDIS_HOST disagree on the address/m)
  const production = await keyplan(['config', '--env', 'production'], { folder }).ended
  expect(production.code).toBe(78)
  expect(production.err).toContain('no server is configured')
})
