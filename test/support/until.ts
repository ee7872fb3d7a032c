import { setTimeout as pause } from 'node:timers/promises'

/** Waits for another process to get somewhere; what never does ends with the timeout of the test run. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await pause(5)
}
