// Gathers the system files that the server needs, for an image that has nothing else: Node, the libraries that it and
// ONNX Runtime are linked with, their entries of dpkg's status and their copyrights, users, and /tmp. Runs in a Debian
// image with Node, as root.
//   node scripts/image/root-fs.mjs <node_modules> <output>
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readdirSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { COPYRIGHT, STATUS } from './system.mjs'

const [modules, output] = process.argv.slice(2)

function place(path) {
  const target = join(output, path)
  mkdirSync(dirname(target), { recursive: true })
  return target
}
const write = (path, text) => writeFileSync(place(path), text)
const copy = (path) => copyFileSync(path, place(path))

/** Native files of the packages. */
const native = readdirSync(modules, { recursive: true })
  .filter((name) => /\.(node|so(\.\d+)*)$/.test(name))
  .map((name) => join(modules, name))

/** Libraries that a program is linked with, as the loader finds them; those of a package find each other. */
function libraries(file) {
  const lines = execFileSync('ldd', [file], { encoding: 'utf8' }).split('\n')
  const missing = lines.find((line) => line.includes('not found'))
  if (missing) throw new Error(`${file}:${missing}`)
  return lines.map((line) => /(\/\S+) \(0x/.exec(line)?.[1]).filter((path) => path && !path.startsWith(modules))
}

/** dpkg knows a file by one of its names, with /usr or without. */
function packageOf(path) {
  const names = [path, realpathSync(path)]
  for (const name of [...names, ...names.map((name) => name.replace(/^\/usr/, ''))]) {
    try {
      return execFileSync('dpkg', ['-S', name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split(':')[0]
    } catch {
      // Under another name, then.
    }
  }
  throw new Error(`no Debian package has ${path}`)
}

const found = new Set([process.execPath, ...native].flatMap(libraries))
copy(process.execPath)
for (const path of found) copy(path)
// The first has what says which Debian this is.
copy('/etc/os-release')
for (const name of new Set(['base-files', ...[...found].map(packageOf)])) {
  write(join(STATUS, name), execFileSync('dpkg-query', ['--status', name]))
  copy(`/${COPYRIGHT(name)}`)
}

write('etc/passwd', 'root:x:0:0:root:/:/sbin/nologin\nnode:x:1000:1000::/app:/sbin/nologin\n')
write('etc/group', 'root:x:0:\nnode:x:1000:\n')
write('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n')
mkdirSync(join(output, 'tmp'))
chmodSync(join(output, 'tmp'), 0o1777)
