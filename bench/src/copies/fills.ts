import { json, text } from 'keyplan'
import { type Item, itemOf } from '../dataset.ts'
import { copiesPlan } from '../plan.ts'

/** What a near cache is filled with. */
export const fills = {
  'records of 100 B': { plan: copiesPlan(json<Item>(), 'frozen'), make: itemOf },
  'records of 100 B, values: copies': { plan: copiesPlan(json<Item>(), 'copies'), make: itemOf },
  'texts of 100 characters': { plan: copiesPlan(text(), 'frozen'), make: (i: number) => `${i} `.padEnd(100, 'x') },
} as const
