// Each rule, each hold and each sentence that lars-autoscaler writes into a decision has its
// words in both languages: they are read from the C sources.
import { readFileSync } from 'node:fs'

const read = path => readFileSync(new URL(path, import.meta.url), 'utf8')
const decide = read('../../src/scale/decide.c'), deciders = read('../../src/scale/deciders.c')
const words = ['en', 'zh-CN'].map(l => JSON.parse(read(`../src/locales/${l}.json`)))
const patterns = [...read('../src/lib/scaling.js').matchAll(/\['(\w+)', \/(.*)\/\],?$/gm)].map(m => [m[1], new RegExp(m[2])])
const names = f => [...(decide.match(new RegExp(f + '\\([^]*?\\{([^]*?)\\};'))?.[1] ?? '').split('= {').pop().matchAll(/"([^"]*)"/g)].map(m => m[1]).filter(Boolean)
const rules = [...names('decide_rule_name'), ...[...deciders.matchAll(/\? "(\w+)" : decide_rule_name/g)].map(m => m[1])]
const holds = names('decide_hold_name')
const filled = f => f.replaceAll('%u', '7').replace('%s: %u', 'x').replace('nothing goes down: %s', 'nothing goes down: frozen')
const sentences = [...deciders.matchAll(/append\(note, size, "([^"]+)"\)/g), ...deciders.matchAll(/snprintf\(text, sizeof\(text\), "([^"]+)"/g)].map(m => m[1])
  .flatMap(s => (s.startsWith('%s:') ? [...deciders.matchAll(/"(capacity\.\w+)" : "(capacity\.\w+)"/g)].flatMap(m => [m[1], m[2]]).map(k => s.replace('%s', k)) : [s]))
const faults = [], used = new Set()

for (const [group, list] of [['scale_rule', rules], ['scale_hold', holds]])
  for (const name of list)
    if (words.some(w => !w[group][name.replaceAll(' ', '_')]))
      faults.push(`${group} has no words for "${name}"`)
for (const s of sentences) {
  const found = patterns.find(([, p]) => p.test(filled(s)))
  if (found)
    used.add(found[0])
  else
    faults.push(`no pattern for "${s}"`)
}
for (const [key] of patterns)
  if (!used.has(key))
    faults.push(`the pattern ${key} fits no sentence of lars-autoscaler`)
if (rules.length < 6 || holds.length < 8 || sentences.length < 5)
  faults.push(`only ${rules.length} rules, ${holds.length} holds and ${sentences.length} sentences were found in src/scale: this test reads them wrongly`)
if (faults.length) {
  console.error(faults.map(f => 'decisions: ' + f).join('\n'))
  process.exit(1)
}
console.log(`decisions: ok (${rules.length} rules, ${holds.length} holds, ${sentences.length} sentences)`)
