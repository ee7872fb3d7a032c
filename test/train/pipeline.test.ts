import { cpSync, existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readConfig } from '../../src/checkpoint/config.js'
import { seeded } from '../../src/random.js'
import { checkpointFolder } from '../support/checkpoints.js'
import { DEFAULT_MODEL } from '../support/paths.js'
import { runArmorm } from '../support/server.js'

const TEXT_FILES = ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja']
const WORDS = 'red blue green one two three large small'.split(' ')
const random = seeded(7)

const words = (count: number) =>
  Array.from({ length: count }, () => WORDS[Math.floor(random() * WORDS.length)]).join(' ')
const answer = () => words(1 + Math.floor(random() * 20))
const reds = (text: string) => text.split('red').length - 1

t.test('all steps in one command, each only as often as it has to be', async (t) => {
  const folder = t.testdir()
  const path = (name: string) => join(folder, name)
  const write = (name: string, rows: readonly object[]) =>
    writeFileSync(path(name), rows.map((row) => JSON.stringify(row)).join('\n'))
  cpSync(checkpointFolder('armorm-tiny'), path('checkpoint'), { recursive: true })
  for (const name of TEXT_FILES) cpSync(join(DEFAULT_MODEL, name), path(`checkpoint/${name}`))
  const rated = Array.from({ length: 80 }, () => {
    const response = answer()
    return { prompt: `What of ${words(3)}?`, response, ratings: { red: Math.min(1, reds(response) / 4) } }
  })
  const pairs = Array.from({ length: 80 }, () => {
    const [chosen, rejected] = [answer(), answer()].sort((a, b) => reds(b) - reds(a))
    return { prompt: `Which of ${words(3)}?`, chosen, rejected }
  })
  write('ratings.jsonl', rated)
  write('preferences.jsonl', pairs)
  const settings = (debias: object, baselines = {}) => {
    const stage2 = { layers: 1, width: 4, steps: 2, batch: 16 }
    writeFileSync(path('train.json'), JSON.stringify({ stage1: { alphas: [1] }, debias, stage2, baselines }))
  }
  settings({ threshold: 0.5 })
  const args = ['train', '--backbone', path('checkpoint'), '--out', path('out'), '--threads', '1']
  args.push('--config', path('train.json'), '--ratings', path('ratings.jsonl'))

  const alone = await runArmorm(t, args)
  t.equal(alone.code, 1)
  t.match(alone.stderr, /invalid_config: armorm train needs --preferences/)
  args.push('--preferences', path('preferences.jsonl'))
  const first = await runArmorm(t, args)
  t.equal(first.code, 0, first.stderr)
  for (const step of ['stage1', 'debias', 'stage2', 'baselines', 'assemble', 'report']) {
    t.match(first.stderr, new RegExp(`^${step}: starts$`, 'm'))
  }
  t.match(readFileSync(path('out/report.html'), 'utf8'), '<td>ratings</td><td>ratings.jsonl</td>')
  t.strictSame((await readConfig(path('out'))).objectiveNames, ['red', 'verbosity'])

  const steps = (stderr: string) =>
    [...stderr.matchAll(/^(\w+): (starts|is there)$/gm)].map(([, name, what]) => [name, what])
  const again = await runArmorm(t, args)
  t.ok(steps(again.stderr).every(([, what]) => what === 'is there'))
  t.match(again.stderr, /^preferences: 80 rows are there$/m)

  // A setting of one step runs it and those after it; so does a result that is gone.
  cpSync(path('out'), path('heads'), { recursive: true })
  settings({ threshold: 0.4 }, { compare: [path('heads')] })
  const changed = await runArmorm(t, args)
  t.equal(changed.code, 0, changed.stderr)
  const after = ['debias', 'stage2', 'baselines', 'assemble', 'report'].map((name) => [name, 'starts'])
  t.strictSame(steps(changed.stderr), [['stage1', 'is there'], ...after])
  rmSync(path('out.work/baselines.json'))
  const repaired = await runArmorm(t, args)
  t.strictSame(
    steps(repaired.stderr).map(([name]) => name),
    ['stage1', ...after.map(([name]) => name)]
  )
  t.match(repaired.stderr, /^stage2: is there\nbaselines: starts$/m)

  // Heads that are compared with are read too.
  const config = JSON.parse(readFileSync(path('heads/config.json'), 'utf8')) as object
  writeFileSync(path('heads/config.json'), JSON.stringify({ ...config, gating_temperature: 20 }))
  t.match((await runArmorm(t, args)).stderr, /^stage2: is there\nbaselines: starts$/m)

  // What a kill leaves of the report, or between the appearance of the checkpoint and the end of the run, is its own.
  rmSync(path('out/report.html'))
  writeFileSync(path('out/report.html.partial'), '<')
  const unfinished = await runArmorm(t, args)
  t.equal(unfinished.code, 0, unfinished.stderr)
  t.match(unfinished.stderr, /^assemble: is there\nreport: starts$/m)

  writeFileSync(path('out/notes.txt'), 'mine')
  t.match((await runArmorm(t, args)).stderr, /invalid_config: --out .*out is not empty/)
  t.ok(existsSync(path('out/notes.txt')))
  rmSync(path('out/notes.txt'))

  // What somebody else wrote is not replaced, and that is found before any work.
  writeFileSync(path('out/config.json'), '{}')
  const foreign = await runArmorm(t, args)
  t.equal(foreign.code, 1)
  t.match(foreign.stderr, /invalid_config: --out .*out is not empty, and not just what .*out.work wrote there/)
  t.notMatch(foreign.stderr, /rows are there/)
  t.ok(existsSync(path('out/modeling_custom.py')))
})

t.test('a work folder within the folder that is replaced as a whole is refused', async (t) => {
  const folder = t.testdir({ 'ratings.jsonl': '', 'preferences.jsonl': '', taken: {} })
  const data = ['ratings', 'preferences'].flatMap((set) => [`--${set}`, join(folder, `${set}.jsonl`)])
  const run = (out: string, work: string) =>
    runArmorm(t, [
      'train',
      '--backbone',
      DEFAULT_MODEL,
      '--out',
      join(folder, out),
      '--work',
      join(folder, work),
      ...data
    ])
  symlinkSync(join(folder, 'taken'), join(folder, 'linked'))
  for (const work of ['out', 'out/work', 'linked/work']) {
    const { code, stderr } = await run(work.startsWith('linked') ? 'taken' : 'out', work)
    t.equal(code, 1)
    t.match(stderr, /invalid_config: the work folder .* lies within --out/)
  }
  t.strictSame(readdirSync(folder).sort(), ['linked', 'preferences.jsonl', 'ratings.jsonl', 'taken'])
  t.match((await run('out', 'output')).stderr, /invalid_data/, 'a name that begins alike is another folder')
})
