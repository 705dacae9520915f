import { sampleOf } from '../../dataset.ts'

/** What a case may ask of a subject, each for the key of call `i`. */
export interface Works {
  get(i: number): Promise<unknown>
  getOrLoad(i: number): Promise<unknown>
  set(i: number, value: unknown): Promise<unknown>
}

/** Made before, since what is measured is how they are stored. */
const written = 128

/** What a case does for each call. */
export function workOf(caseName: string, works: Works, sample = sampleOf): (i: number) => Promise<unknown> {
  if (caseName.startsWith('getOrLoad')) return works.getOrLoad
  if (!caseName.startsWith('set+get')) return works.get
  const values = Array.from({ length: written }, (_, i) => sample(caseName, i))
  return async i => {
    await works.set(i % written, values[i % written])
    return works.get(i % written)
  }
}
