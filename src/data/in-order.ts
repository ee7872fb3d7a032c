/** Work that runs ahead of whoever takes its results, which come in the order of the items. */

/**
 * @param ahead - items under way at most: what keeps memory from growing with their number
 * @throws whatever `items` throws, and what an item's work throws, in its turn
 */
export async function* inOrder<T, R>(
  items: AsyncIterable<T>,
  ahead: number,
  work: (item: T) => Promise<R>
): AsyncGenerator<R> {
  const underWay: Promise<R>[] = []
  for await (const item of items) {
    const result = work(item)
    // It is waited for in its turn; until then its failure is not unheard of.
    result.catch(() => undefined)
    underWay.push(result)
    if (underWay.length >= ahead) yield await underWay.shift()!
  }
  while (underWay.length > 0) yield await underWay.shift()!
}
