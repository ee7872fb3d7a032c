/** What happens next: a binary heap by time, and by order of entry where times are equal. */

interface Event {
  readonly at: number
  readonly order: number
  readonly happen: () => void
}

const before = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

export class EventQueue {
  readonly #heap: Event[] = []
  #entered = 0
  #now = 0

  /** Milliseconds of simulated time. */
  get now(): number {
    return this.#now
  }

  after(ms: number, happen: () => void): void {
    const heap = this.#heap
    const event = { at: this.#now + ms, order: this.#entered++, happen }
    let i = heap.push(event) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!before(event, heap[parent]!)) break
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = event
  }

  /** Lets everything happen, in order, until nothing is left. */
  run(): void {
    for (let event = this.#take(); event; event = this.#take()) {
      this.#now = event.at
      event.happen()
    }
  }

  #take(): Event | undefined {
    const heap = this.#heap
    const [first] = heap
    const last = heap.pop()
    if (!last || last === first) return first
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
      if (!before(heap[child]!, last)) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = last
    return first
  }
}
