// Do answers of the console fit openapi.json?  The file has one JSON object a line:
//   {method, path, sent, status, type, body}    a request and its answer
//   {event, body}                               an event of a stream
// Every route must have been answered with each status below 300 that it has.
import { readFileSync } from 'node:fs'
import Ajv from 'ajv/dist/2020.js'

const doc = JSON.parse(readFileSync(new URL('../openapi.json', import.meta.url), 'utf8'))
const ajv = new Ajv({ strict: false, allErrors: true })
ajv.addSchema(doc, 'openapi')
const escaped = key => encodeURIComponent(key.replace(/~/g, '~0').replace(/\//g, '~1'))
const pointer = (...keys) => 'openapi#/' + keys.map(escaped).join('/')
const faults = new Set(), seen = new Set(), EVENTS = { overview: 'Overview', wall: 'Wall', module: 'ModuleEvent' }

function fit(what, schema, value) {
  const check = ajv.getSchema(schema) || ajv.compile({ $ref: schema })
  if (!check(value))
    for (const e of check.errors.slice(0, 5))
      faults.add(`${what}: at "${e.instancePath}" ${e.message} ${JSON.stringify(e.params)}`)
}

// The key of a path without query in doc.paths; a path without a parameter wins.
const keys = Object.keys(doc.paths).sort((a, b) => a.split('{').length - b.split('{').length)
const patterns = keys.map(k => [k, new RegExp('^' + k.replace('{name}', '.+').replace(/{\w+}/g, '[0-9]+') + '$')])
const keyOf = path => patterns.find(([, r]) => r.test(path))?.[0]

function checkAnswer({ method, path, sent, status, type, body }) {
  const key = keyOf(path.split('?')[0].replace(/^\/api\/v1/, '')), m = method.toLowerCase()
  const what = `${method} ${path} ${status}`, operation = key && doc.paths[key][m]
  if (!operation) {
    if (status !== (key ? 405 : 404))
      faults.add(`${what}: is not described`)
    else
      fit(what, pointer('components', 'schemas', 'Problem'), body)
    return
  }
  let at = ['paths', key, m, 'responses', String(status)], response = operation.responses[status]
  if (response?.$ref) {
    at = ['components', 'responses', response.$ref.split('/').pop()]
    response = doc.components.responses[at[2]]
  }
  if (!response)
    return faults.add(`${what}: this status is not described`)
  seen.add(`${m} ${key} ${status}`)
  const types = Object.keys(response.content || {})
  if (types.length ? !types.includes(type) : body !== null)
    return faults.add(`${what}: the type is "${type}", and the file has "${types}"`)
  if (type !== 'text/event-stream' && types.length)
    fit(what, pointer(...at, 'content', type, 'schema'), body)
  if (status < 300 && operation.requestBody)
    fit(`${what}, what was sent`, pointer('paths', key, m, 'requestBody', 'content', 'application/json', 'schema'), sent)
}

const lines = readFileSync(process.argv[2], 'utf8').trim().split('\n').map(l => JSON.parse(l))
for (const l of lines)
  l.event ? fit(`event ${l.event}`, pointer('components', 'schemas', EVENTS[l.event]), l.body) : checkAnswer(l)
for (const [path, item] of Object.entries(doc.paths))
  for (const [m, operation] of Object.entries(item))
    for (const status of Object.keys(operation.responses))
      if (status < 300 && !seen.has(`${m} ${path} ${status}`))
        faults.add(`${m} ${path}: no answer with ${status} was seen`)
for (const f of faults)
  console.error(f)
console.log(`${lines.length} answers, ${faults.size} faults`)
process.exit(faults.size ? 1 : 0)
