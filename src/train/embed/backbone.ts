/** The backbone whose states are taken: a bundle, or a checkpoint that is exported once into the work folder. */
import { existsSync } from 'node:fs'
import { readdir, rm, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { type Bundle, loadBundle } from '../../bundle/load.js'
import { MANIFEST_FILE } from '../../bundle/manifest.js'
import { ARCHITECTURE, CONFIG_FILE, readConfigJson } from '../../checkpoint/config.js'
import { ArmormError } from '../../errors.js'
import { exportBundle } from '../../export/export-bundle.js'
import type { TrainLog } from '../log.js'
import { fingerprint, readJson, writeJson } from '../work-files.js'
import { writeStandIn } from './stand-in-heads.js'

/**
 * The bundle of `--backbone`.
 * @param path - folder of a bundle, or of a checkpoint
 * @throws ArmormError invalid_config when it is neither; those of the export and of opening a bundle
 */
export async function openBackbone(path: string, work: string, log: TrainLog): Promise<Bundle> {
  if (existsSync(join(path, MANIFEST_FILE))) return loadBundle(path)
  if (!existsSync(join(path, CONFIG_FILE))) {
    const message = `--backbone ${path} is neither a bundle (${MANIFEST_FILE}) nor a checkpoint (${CONFIG_FILE})`
    throw new ArmormError('invalid_config', message)
  }
  const out = join(work, 'backbone')
  const stampPath = join(work, 'backbone.json')
  const stamp = { checkpoint: await stampOf(path) }
  const exported = fingerprint(await readJson(stampPath)) === fingerprint(stamp)
  if (exported && existsSync(join(out, MANIFEST_FILE))) return loadBundle(out)
  log.line(`exporting ${path} as fp32 to ${out}`)
  // A kill behind the export would else leave one checkpoint's stamp beside another's bundle.
  await rm(stampPath, { force: true })
  const standIn = join(work, 'backbone.checkpoint')
  try {
    const plain = !(await isRewardModel(path))
    if (plain) await writeStandIn(path, standIn)
    await exportBundle({
      checkpoint: plain ? standIn : path,
      out,
      precision: 'fp32',
      name: basename(resolve(path)),
      replace: true,
      onProgress: (done, step) => log.progress(done, step)
    })
  } finally {
    await rm(standIn, { recursive: true, force: true })
  }
  await writeJson(stampPath, stamp)
  return loadBundle(out)
}

/** Whether a checkpoint has heads that the exporter takes. */
async function isRewardModel(path: string): Promise<boolean> {
  const config = (await readConfigJson(path)) as { architectures?: unknown } | null
  return Array.isArray(config?.architectures) && config.architectures[0] === ARCHITECTURE
}

/** Changes with the files of a checkpoint; reading gigabytes of weights to know would take minutes. */
async function stampOf(folder: string): Promise<string> {
  const files = await Promise.all(
    (await readdir(folder)).sort().map(async (name) => {
      const { size, mtimeMs } = await stat(join(folder, name))
      return [name, size, mtimeMs]
    })
  )
  return fingerprint(files)
}
