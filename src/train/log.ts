/** Where the steps of training tell what they do. */

export interface TrainLog {
  /** A line that stays. */
  readonly line: (text: string) => void
  /** @param done - share of the step, 0..1 */
  readonly progress: (done: number, step: string) => void
}
