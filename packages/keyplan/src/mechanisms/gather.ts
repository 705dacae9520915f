/** Turns the calls of one tick into a few store calls. */
export interface Gather<Item, Result> {
  /** Resolves with the result of this item. */
  add(item: Item): Promise<Result>
  /** Resolves with what `map` makes of it, one promise sooner than an `await` would; rejects with what it throws. */
  mapped<T>(item: Item, map: (result: Result, item: Item) => T | Promise<T>): Promise<T>
  /** Sends what is gathered now, so that what follows keeps its place in the order. */
  flush(): void
}

interface GatherOptions<Item, Result, Answer = readonly (Result | Error)[]> {
  /** Most items of one store call. */
  max: number
  /** The store call. */
  run(items: readonly Item[]): Promise<Answer>
  /**
   * What its answer says of one of the items, which is rejected with what is an Error. Default: the answer is a list of
   * these, in order.
   */
  result?(answer: Answer, index: number, item: Item): Result | Error
  /**
   * Which server has an item, where there are several: what waits for one must not hold up another, so items of
   * different lanes never share a call.
   */
  lane?: ((item: Item) => string) | undefined
  /** Items of one key are asked once; all who asked get the result. Without it every item stands for itself. */
  key?(item: Item): string
  /** Whether a failure of the whole is the fault of single items: they are then sent one by one. */
  separable?(error: unknown): boolean
}

/** Who waits for one item: a chain, since nearly always it is one. */
interface Waiter<Item, Result> {
  readonly item: Item
  readonly map: ((result: Result, item: Item) => unknown) | undefined
  resolve(result: unknown): void
  reject(error: unknown): void
  next: Waiter<Item, Result> | undefined
}

/**
 * The performance idea of the library: a store call costs the same for one item as for thirty, so calls that are made
 * in one turn of the event loop share it. They leave when the turn's promise callbacks have run, which is when a burst
 * of replies has produced its burst of next questions.
 */
export function createGather<Item, Result, Answer = readonly (Result | Error)[]>(
  options: GatherOptions<Item, Result, Answer>,
): Gather<Item, Result> {
  const { lane } = options
  if (!lane) return createLane(options)
  const lanes = new Map<string, Gather<Item, Result>>()
  const laneOf = (item: Item) => {
    const name = lane(item)
    const found = lanes.get(name) ?? createLane(options)
    lanes.set(name, found)
    return found
  }
  return {
    add: item => laneOf(item).add(item),
    mapped: (item, map) => laneOf(item).mapped(item, map),
    flush() {
      for (const one of lanes.values()) one.flush()
    },
  }
}

function createLane<Item, Result, Answer>(options: GatherOptions<Item, Result, Answer>): Gather<Item, Result> {
  const { max, run, result = listed, key, separable } = options
  let items: Item[] = []
  let waiters: Waiter<Item, Result>[] = []
  /** Made for the second item: most often there is none. */
  let places: Map<string, number> | undefined

  function flush(): void {
    if (items.length === 0) return
    const batch = items
    const askers = waiters
    items = []
    waiters = []
    places = undefined
    send(batch, askers)
  }

  function send(batch: readonly Item[], askers: readonly Waiter<Item, Result>[]): void {
    run(batch).then(
      answer => {
        for (let index = 0; index < askers.length; index++) settle(askers[index], result(answer, index, batch[index]!))
      },
      error => {
        if (batch.length > 1 && separable?.(error)) {
          for (let index = 0; index < batch.length; index++) send([batch[index]!], [askers[index]!])
        } else for (const waiter of askers) settle(waiter, error)
      },
    )
  }

  function join(waiter: Waiter<Item, Result>): void {
    const { item } = waiter
    if (key && items.length > 0) {
      const name = key(item)
      places ??= new Map([[key(items[0]!), 0]])
      const place = places.get(name)
      if (place !== undefined) {
        waiter.next = waiters[place]
        waiters[place] = waiter
        return
      }
      places.set(name, items.length)
    }
    if (items.length === 0) process.nextTick(flush)
    items.push(item)
    waiters.push(waiter)
    if (items.length >= max) flush()
  }

  return {
    add: item =>
      new Promise((resolve, reject) => {
        join({ item, map: undefined, resolve: resolve as (result: unknown) => void, reject, next: undefined })
      }),
    mapped: (item, map) =>
      new Promise((resolve, reject) => {
        join({ item, map, resolve: resolve as (result: unknown) => void, reject, next: undefined })
      }),
    flush,
  }
}

const listed = <Result>(answer: unknown, index: number) => (answer as readonly (Result | Error)[])[index]!

function settle<Item, Result>(first: Waiter<Item, Result> | undefined, result: Result | Error): void {
  for (let waiter = first; waiter; waiter = waiter.next) {
    if (result instanceof Error) waiter.reject(result)
    else if (waiter.map === undefined) waiter.resolve(result)
    else {
      try {
        waiter.resolve(waiter.map(result, waiter.item))
      } catch (error) {
        waiter.reject(error)
      }
    }
  }
}
