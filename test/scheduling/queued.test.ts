import t from 'tap'
import { Queued, WaitingLane } from '../../src/scheduling/queued.js'
import { sequence } from '../support/engines.js'

const ignore = () => {}
const item = (tokens: number) => new Queued(sequence(Array<number>(tokens).fill(1)), undefined, 0, ignore, ignore)

t.test('arrival counts all tokens that ever came to a lane', async (t) => {
  const lane = new WaitingLane()
  const [a, b, c] = [item(3), item(5), item(2)]
  lane.push(a)
  lane.push(b)
  lane.keep([])
  lane.push(c)
  t.strictSame(
    [a, b, c].map(({ arrival }) => arrival),
    [3, 8, 10]
  )
  t.strictSame([lane.items, lane.tokens], [[c], 2])
})

t.test('what is put back stands where it was, and counts again', async (t) => {
  const lane = new WaitingLane()
  const all = [item(3), item(5), item(2), item(7)]
  for (const each of all) lane.push(each)
  const [a, b, c, d] = all
  t.strictSame(
    lane.sift((each) => each === b || each === d),
    [a, c]
  )
  t.strictSame([lane.items, lane.tokens], [[b, d], 12])
  for (const back of [c, a]) {
    t.equal(back!.lane, lane)
    lane.restore(back!)
  }
  t.strictSame([lane.items, lane.tokens], [all, 17])
  t.strictSame(
    lane.sift((each) => each !== d),
    [d]
  )
  lane.restore(d!)
  t.strictSame([lane.items, lane.tokens], [all, 17], 'the last, too')
})
