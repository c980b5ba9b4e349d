// Write NAME.gz beside each file of dist/, and print how much script the first page loads.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

const dist = new URL('../dist', import.meta.url).pathname
const sizes = new Map()

function walk(dir) {
  for (const name of readdirSync(dir)) {
    const path = join(dir, name)
    if (statSync(path).isDirectory()) {
      walk(path)
    } else if (!name.endsWith('.gz')) {
      const gz = gzipSync(readFileSync(path), { level: 9 })
      writeFileSync(path + '.gz', gz)
      sizes.set(path.slice(dist.length + 1), gz.length)
    }
  }
}

const kB = n => (n / 1000).toFixed(1) + ' kB'

walk(dist)
/* A file and what it imports statically. */
function withImports(name, out = new Set()) {
  if (out.has(name))
    return out
  out.add(name)
  const text = readFileSync(join(dist, name), 'utf8')
  for (const [, other] of text.matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g))
    withImports('assets/' + other, out)
  return out
}

const html = readFileSync(join(dist, 'index.html'), 'utf8')
const first = new Set()
for (const [, name] of html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.js)"/g))
  withImports(name, first)
for (const name of sizes.keys())
  if (/assets\/Overview-.*\.js$/.test(name))
    withImports(name, first)          // behind the login, each user sees it first
const sum = [...first].reduce((s, n) => s + sizes.get(n), 0)
const all = [...sizes].reduce((s, [, n]) => s + n, 0)
console.log(`first page: ${kB(sum)} of script, gzip; all files: ${kB(all)}`)
if (sum > 170000) {
  console.error('The first page loads more than 170 kB of script: see vite.config.js.')
  process.exit(1)
}
