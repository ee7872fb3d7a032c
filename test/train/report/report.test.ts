import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { colour, heatMap, interval, lineChart, ticks } from '../../../src/train/report/charts.js'
import { html, number, table } from '../../../src/train/report/html.js'
import { reportHtml, runReport } from '../../../src/train/report/report.js'
import { readResults } from '../../../src/train/results.js'
import { writeJson } from '../../../src/train/work-files.js'
import { runArmorm } from '../../support/server.js'
import { madeBaselines, makeWork } from '../made-work.js'

t.test('texts are escaped, markup is not', async (t) => {
  t.equal(
    html`<b title="${`"'`}">${'<i>&'}${html`<br />`}${[1, 'a<']}${null}</b>`.text,
    '<b title="&quot;&#39;">&lt;i&gt;&amp;<br />1a&lt;</b>'
  )
  t.match(table(['<h>'], [['<c>', 2]], [1]).text, /<th>&lt;h&gt;<\/th>[^]*<td>&lt;c&gt;<\/td><td class="n">2<\/td>/)
  t.strictSame(
    [number(null), number(0.12345), number(0), number(1e-7), number(3e7), number(12)],
    ['', '0.1235', '0', '1.00e-7', '3.00e+7', '12']
  )
})

t.test('ticks are round, and within the range', async (t) => {
  t.strictSame(ticks(0, 1), [0, 0.2, 0.4, 0.6, 0.8, 1])
  t.strictSame(ticks(0.6531, 0.6932), [0.66, 0.67, 0.68, 0.69])
  t.strictSame(ticks(-5, 5), [-4, -2, 0, 2, 4])
  t.strictSame(ticks(3, 3), [3])
})

t.test('charts have their points where they belong', async (t) => {
  const chart = lineChart({
    title: 'a<b',
    series: [
      {
        name: 's',
        points: [
          [1, 0],
          [10, null],
          [100, 1],
          [1000, 2]
        ]
      }
    ],
    logarithmic: true,
    mark: 100
  }).text
  t.match(chart, 'aria-label="a&lt;b"')
  t.strictSame(
    [...chart.matchAll(/>(1e\d)</g)].map(([, power]) => power),
    ['1e0', '1e1', '1e2', '1e3']
  )
  const path = /<path d="([^"]+)"/.exec(chart)?.[1] ?? ''
  const places = [...path.matchAll(/([ML])([\d.]+) ([\d.]+)/g)].map(
    ([, kind, x, y]) => [kind, Number(x), Number(y)] as const
  )
  t.strictSame(places.map(([kind]) => kind).join(''), 'MML', 'a gap where there is no value')
  const [first, , last] = places
  t.ok(first![1] < last![1] && first![2] > last![2], 'to the right, and up')
  t.equal(lineChart({ title: '', series: [{ name: '', points: [[1, null]] }] }).text, '')
  t.match(lineChart({ title: '', series: [{ name: '', points: [[5, 3]] }] }).text, /<circle cx="\d/, 'a single point')
  const map = heatMap({ title: 'm', rows: ['r'], columns: ['x', 'y'], values: [[-1, null]], most: 1 }).text
  t.match(map, /fill="#ca621c"\s*>\s*<title>r \/ x: -1</)
  t.match(map, /fill="#9a9a9a"\s*>\s*<title>r \/ y: not defined</)
  t.strictSame([colour(0, 1), colour(2, 1)], ['#f4f4f4', '#2166ac'])
  const x = [
    ...interval({ low: 0.5, middle: 0.6, high: 0.7 }, { low: 0, high: 1, zero: 0.5 }).text.matchAll(
      /(?:x1|cx)="([\d.]+)"/g
    )
  ]
  t.strictSame(
    x.map(([, value]) => Number(value)),
    [70, 70, 83.4]
  )
})

t.test('the report has every part, fetches nothing, and names of the data are text', async (t) => {
  const work = await makeWork(join(t.testdir(), 'work'))
  await writeJson(join(work, 'ablations.json'), madeBaselines())
  const report = reportHtml(await readResults(work))
  for (const heading of [
    'Signs of failure',
    'Data',
    'Ratings',
    'Debiasing',
    'Gate',
    'Gate weights by category',
    'Baselines',
    'Ablations',
    'Time and memory'
  ]) {
    t.match(report, `<h2>${heading}</h2>`)
  }
  t.notMatch(report, 'Not run')
  t.notMatch(report, /<script|<link|<img|https?:|url\(|@import|<b>|<model>/)
  t.match(report, '&lt;b&gt;code&lt;/b&gt;')
  t.match(report, 'heads on tiny &lt;model&gt;')
  t.match(report, /<td>is\|safe<\/td><td>rated<\/td><td class="n">399<\/td><td class="n">10<\/td>/)
  t.match(report, /<td>uniform gating<\/td><td class="n">61\.0 %<\/td><td class="n">56\.0 % to 66\.0 %<\/td>/)
  t.match(report, /<td class="n">1\.0<\/td><td class="n">-4\.0 to 6\.0<\/td>/, 'differences in points')
  t.match(report, '<td>uniform</td><td>the gate weighs all objectives alike</td>')
  t.match(report, '<td>gram matrices</td><td class="n">1.3</td><td class="n">300 MB</td>')
  t.match(report, 'quality 50.0 %, is|safe 30.0 %, verbosity 20.0 %')
  t.notMatch(report, '/somebody', 'no path of the machine')
  // Every element that is opened is closed.
  const count = (pattern: RegExp) => [...report.matchAll(pattern)].length
  for (const tag of ['table', 'tr', 'td', 'svg', 'section', 'figure', 'div', 'details', 'text', 'rect', 'p']) {
    t.equal(count(new RegExp(`<${tag}[\\s>]`, 'g')), count(new RegExp(`</${tag}\\s*>`, 'g')), tag)
  }
})

t.test('results that are not of what is there now are named', async (t) => {
  const work = await makeWork(join(t.testdir(), 'work'))
  const results = await readResults(work)
  t.notMatch(reportHtml(results), 'outdated')
  const from = { stage1: results.stage1!.fingerprint, debias: 'before', preferences: 'before' }
  const later = {
    ...results,
    debias: { ...results.debias!, stage1: 'before' },
    stage2: { ...results.stage2!, made_from: from },
    baselines: { ...results.baselines!, fingerprint: 'before' },
    ablations: { rows: results.baselines!.rows, made_from: { ...from, debias: results.debias!.fingerprint } }
  }
  const text = reportHtml(later)
  for (const [step, why] of [
    ['debias', 'stage 1 has run again'],
    ['stage2', 'debiasing has run again'],
    ['baselines', 'stage 2 has run again']
  ]) {
    t.match(text, `<td>${step}</td><td>outdated</td><td>${why} since: run armorm train ${step} again</td>`)
  }
  t.notMatch(text, '<td>ablate</td>', 'the preferences are not embedded here')
})

t.test('steps that have not run are named, and nothing else is lost', async (t) => {
  const work = await makeWork(join(t.testdir(), 'work'), {
    debias: false,
    stage2: false,
    baselines: false,
    data: false
  })
  const report = reportHtml(await readResults(work))
  for (const step of ['embed', 'debias', 'stage2', 'baselines', 'ablate'])
    t.match(report, `Not run: armorm train ${step}`)
  t.match(report, '<td>quality</td>')
  const empty = reportHtml(await readResults(join(t.testdirName, 'nothing')))
  t.match(empty, 'No step has run')
  t.match(empty, 'None in the steps that have run')
})

t.test(
  'a result that lacks what its step writes is the work folder’s fault, not that of the file to write',
  async (t) => {
    const work = await makeWork(join(t.testdir(), 'work'))
    const path = join(work, 'stage1.json')
    await writeJson(path, { ...(JSON.parse(readFileSync(path, 'utf8')) as object), objectives: [{}] })
    const log = { line: () => undefined, progress: () => undefined }
    await t.rejects(runReport(work, log, join(t.testdirName, 'r.html')), { code: 'invalid_work', message: work })
  }
)

t.test('the command writes the file, and says what is missing; a file of another kind is named', async (t) => {
  const work = await makeWork(join(t.testdir(), 'work'), { baselines: false })
  const out = join(t.testdirName, 'r.html')
  const { code, stdout, stderr } = await runArmorm(t, ['train', 'report', '--work', work, '--out', out])
  t.equal(code, 0, stderr)
  t.match(stdout, /r\.html\n$/)
  t.match(stderr, 'armorm train baselines has not run')
  t.match(readFileSync(out, 'utf8'), /^<!doctype html>/)
  await t.rejects(runReport(work, { line: () => undefined, progress: () => undefined }, join(work, 'none', 'r.html')), {
    code: 'invalid_config',
    message: /r\.html cannot be written \(ENOENT\)/
  })
  writeFileSync(join(work, 'stage1.json'), '{"objectives": []}')
  const refused = await runArmorm(t, ['train', 'report', '--work', work])
  t.equal(refused.code, 1)
  t.match(refused.stderr, /invalid_work: .*stage1\.json has no/)
})
