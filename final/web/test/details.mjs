// Each sentence that lars-reportd writes as the detail of an alarm has its pattern in
// src/lib/detail.js: its formats are read from the C sources and filled.
import { readFileSync, readdirSync } from 'node:fs'

const root = new URL('../../src/report/', import.meta.url)
const js = readFileSync(new URL('../src/lib/detail.js', import.meta.url), 'utf8')
const patterns = [...js.matchAll(/\['(\w+)', \/(.*)\/\],?$/gm)].map(m => [m[1], new RegExp(m[2])])
const filled = format => format.replace(/%%/g, '\0').replace(/%[.\d]*(?:llu|zu|[sud])/g, '7').replace(/%\.1f/g, '1.5').replace(/\0/g, '%')
const sentences = []
for (const name of readdirSync(root).filter(n => n.endsWith('.c'))) {
  const c = readFileSync(new URL(name, root), 'utf8')
  for (const m of c.matchAll(/snprintf\([\w.>-]*detail, sizeof\([\w.>-]*detail\),\s*((?:"(?:[^"\\]|\\.)*"\s*)+)/g))
    sentences.push([...m[1].matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(x => x[1]).join(''))
  for (const m of c.matchAll(/\.detail = "([^"]*)"/g))
    sentences.push(m[1])
}
// A test message of an operator is no alarm and is not shown.
const wanted = sentences.filter(s => s !== '%s' && !s.startsWith('this is a test'))
const used = new Set(), faults = []
for (const s of wanted) {
  const found = patterns.find(([, p]) => p.test(filled(s)))
  if (found)
    used.add(found[0])
  else
    faults.push(`no pattern for "${s}", filled "${filled(s)}"`)
}
for (const [key] of patterns)
  if (!used.has(key) && key !== 'zone_quiet') // its second half is added word by word
    faults.push(`the pattern ${key} fits no sentence of lars-reportd`)
if (wanted.length < 10)
  faults.push(`only ${wanted.length} sentences were found in src/report: this test reads them wrongly`)
if (faults.length) {
  console.error(faults.map(f => 'details: ' + f).join('\n'))
  process.exit(1)
}
console.log(`details: ok (${wanted.length} sentences)`)
