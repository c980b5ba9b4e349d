// The two locale files have the same keys, and every key that the code uses is in them.
// A key that is made from a code, t(`x.${y}`) or t('x.' + y), needs the group x.
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

const src = new URL('../src', import.meta.url).pathname
const read = name => JSON.parse(readFileSync(join(src, 'locales', name + '.json'), 'utf8'))
const faults = []

function flatten(tree, prefix = '', out = new Map()) {
  for (const [k, v] of Object.entries(tree))
    if (typeof v === 'string')
      out.set(prefix + k, v)
    else
      flatten(v, prefix + k + '.', out)
  return out
}

function files(dir) {
  return readdirSync(dir).flatMap(n => {
    const path = join(dir, n)
    return statSync(path).isDirectory() ? files(path) : /\.(vue|js)$/.test(n) ? [path] : []
  })
}

const zh = flatten(read('zh-CN')), en = flatten(read('en'))
for (const k of zh.keys())
  if (!en.has(k))
    faults.push(`en.json lacks ${k}`)
for (const k of en.keys())
  if (!zh.has(k))
    faults.push(`zh-CN.json lacks ${k}`)

const names = text => [...text.matchAll(/\{(\w+)\}/g)].map(m => m[1]).sort().filter((x, i, a) => x !== a[i - 1]).join(' ')
for (const [k, v] of zh)
  if (en.has(k) && names(v) !== names(en.get(k)))
    faults.push(`${k}: zh-CN has the values {${names(v)}}, en has {${names(en.get(k))}}`)

// One word for one thing: the page, the documents and the alarms call a zone the same.
const OTHER_WORDS = { 机房: '可用区' }
for (const [k, v] of zh)
  for (const [other, word] of Object.entries(OTHER_WORDS))
    if (v.includes(other))
      faults.push(`zh-CN.json: ${k} says ${other}; write ${word}`)

const groups = new Set([...zh.keys()].flatMap(k => k.split('.').map((_, i, a) => a.slice(0, i).join('.'))))
const used = new Set(), usedGroups = new Set()
for (const path of files(src)) {
  const text = readFileSync(path, 'utf8'), short = path.slice(src.length + 1)
  for (const [, key, rest] of text.matchAll(/'([a-z_]+(?:\.[A-Za-z0-9_]+)*\.?)'(\s*\+)?/g)) {
    if (key.endsWith('.') && rest && key !== 'lars.') {
      usedGroups.add(key.slice(0, -1))
    } else if (key.includes('.')) {
      used.add(key)
      if (groups.has(key.split('.')[0]) && !zh.has(key) && !groups.has(key))
        faults.push(`${short} uses ${key}, which zh-CN.json lacks`)
    }
  }
  for (const [, key] of text.matchAll(/\bte?\(\s*'([^']+)'\s*[,)]/g))
    if (!zh.has(key))
      faults.push(`${short} uses ${key}, which zh-CN.json lacks`)
  for (const [, group] of text.matchAll(/word\('([a-z_]+)'/g))
    usedGroups.add(group)
  if (path.endsWith('.vue') && /[一-鿿]/.test(text.replaceAll(/语言|中文/g, '')))
    faults.push(`${short} has Chinese text outside of the locale files`)
}
for (const g of usedGroups)
  if (!groups.has(g))
    faults.push(`the code uses keys of the group ${g}, which zh-CN.json lacks`)
for (const k of zh.keys())
  if (!used.has(k) && ![...usedGroups].some(g => k.startsWith(g + '.')))
    faults.push(`no code uses ${k}`)

for (const f of faults)
  console.error(f)
console.log(faults.length ? `${faults.length} faults in the locale files` : `locales: ${zh.size} keys, equal in both languages`)
process.exit(faults.length ? 1 : 0)
