import { spawn } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ResumableLines } from '../../src/cli/resumable-lines.js'

const MODULE = new URL('../../src/cli/resumable-lines.js', import.meta.url).href
const ROWS = 100
const row = (i: number) => ({ i, filling: 'x'.repeat(1000) })

/** Writes all rows in a process whose files may have 48 KiB or so. */
const PROGRAM = `
  const { ResumableLines } = await import('${MODULE}')
  const lines = await ResumableLines.open(process.argv[1], { made: 'here' })
  try {
    for (let i = lines.count; i < ${ROWS}; i++) await lines.write({ i, filling: 'x'.repeat(1000) })
    await lines.finish()
  } catch (error) {
    console.log(error.code, error.message)
  } finally {
    await lines.close()
  }
`

t.test('a disk that is full is told in one line, and what is whole by then is gone on with', async (t) => {
  const folder = t.testdir()
  const out = join(folder, 'out.jsonl')
  // Without the instruments of the tests, which write files too.
  const child = spawn('sh', [
    '-c',
    'unset NODE_OPTIONS; trap "" XFSZ; ulimit -f 96; exec "$@"',
    'sh',
    process.execPath,
    '--input-type=module',
    '-e',
    PROGRAM,
    out
  ])
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
  await new Promise((resolve) => child.once('close', resolve))
  t.match(said, `invalid_config ${out} cannot be written (EFBIG)`)
  t.match(said, /^[^\n]+\n$/)
  const { size } = statSync(`${out}.partial`)
  t.ok(size > 0 && size % 1020 !== 0, `${size} bytes, with half a line at the end`)
  const lines = await ResumableLines.open(out, { made: 'here' })
  const whole = lines.count
  t.ok(whole > 0 && whole < ROWS, `${whole} rows`)
  for (let i = whole; i < ROWS; i++) await lines.write(row(i))
  await lines.finish()
  await lines.close()
  const found = readFileSync(out, 'utf8').split('\n').slice(0, -1)
  t.strictSame(
    found.map((line) => JSON.parse(line) as object),
    Array.from({ length: ROWS }, (_, i) => row(i))
  )
})

t.test('lines of another making are not gone on with, and neither is what no run has left', async (t) => {
  const out = join(t.testdir(), 'out.jsonl')
  const first = await ResumableLines.open(out, { made: 'here' })
  await first.write(row(0))
  await t.rejects(ResumableLines.open(out, { made: 'here' }), { code: 'work_in_use' })
  await first.close()
  const second = await ResumableLines.open(out, { made: 'there' })
  t.equal(second.count, 0)
  await second.close()
  const other = `${out}x`
  writeFileSync(`${other}.partial`, 'mine')
  await t.rejects(ResumableLines.open(other, {}), { code: 'invalid_config', message: /out\.jsonlx\.partial exists/ })
  t.equal(readFileSync(`${other}.partial`, 'utf8'), 'mine')
})

t.test('what tables have and JSON has not becomes what JSON has', async (t) => {
  const out = join(t.testdir(), 'out.jsonl')
  const lines = await ResumableLines.open(out, {})
  await lines.write({ small: 7n, large: 2n ** 60n, bytes: Uint8Array.of(0, 255), date: new Date(0) })
  await lines.finish()
  await lines.close()
  t.strictSame(JSON.parse(readFileSync(out, 'utf8')), {
    small: 7,
    large: '1152921504606846976',
    bytes: 'AP8=',
    date: '1970-01-01T00:00:00.000Z'
  })
})
