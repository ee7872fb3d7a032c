/** Shares as text. */

/** `61.4` of 0.614. */
export const points = (share: number): string => (100 * share).toFixed(1)
/** `+1.5` of 0.015. */
export const signed = (share: number): string => `${share < 0 ? '' : '+'}${points(share)}`
/** `61.4 %` of 0.614. */
export const percent = (share: number): string => `${points(share)} %`
