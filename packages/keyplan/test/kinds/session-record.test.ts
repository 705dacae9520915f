import fc from 'fast-check'
import { expect, test } from 'vitest'
import { recordOf, restOf, withHead } from '../../src/kinds/session/record.ts'

const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('"},"by":"x","data":{', '\\', ',"data":', '}', '\n'),
)

test('what is written is read back, whatever stands in it and however its JSON is spaced', () => {
  fc.assert(
    fc.property(
      fc.record({
        version: fc.nat(),
        seen: fc.nat(),
        until: fc.maxSafeNat(),
        created: fc.nat(),
        user: fc.option(hostile, { nil: undefined }),
        device: fc.dictionary(fc.constantFrom('userAgent', 'ip', 'label'), hostile, { noNullPrototype: true }),
        data: fc.dictionary(fc.string(), hostile, { noNullPrototype: true }).map(data => JSON.stringify(data)),
      }),
      session => {
        const raw = withHead(session.version, session.seen, session.until, restOf(session, 'm-_1'))
        expect(recordOf(raw)).toEqual(session)
        expect(recordOf(JSON.stringify(JSON.parse(raw), undefined, 1))).toEqual(session)
      },
    ),
  )
})
