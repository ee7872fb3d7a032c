/** The environment of a process that runs the engine. */

/** Bytes of one allocation that come from the heap, and of freed memory that the heap keeps. */
const HEAP_ALLOCATION = 32 * 1024 * 1024
const HEAP_KEEPS = 256 * 1024 * 1024

/**
 * An operator's output of a few megabytes would come fresh from the kernel each time, page by page, and go back at once:
 * a tenth of an int8 run. These are glibc's names; others do not read them. What is set already stays.
 */
export function engineEnvironment(environment = process.env): NodeJS.ProcessEnv {
  return {
    MALLOC_MMAP_THRESHOLD_: String(HEAP_ALLOCATION),
    MALLOC_TRIM_THRESHOLD_: String(HEAP_KEEPS),
    ...environment
  }
}
