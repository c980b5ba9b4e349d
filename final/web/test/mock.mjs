// A server for trying the pages without a database: it serves dist/ under the policy of
// lars-console and answers /api/v1 from data in memory.  It checks no rights.
//   node test/mock.mjs [PORT]       any user; the password "first" asks for a new one
import { createServer } from 'node:http'
import { existsSync, readFileSync } from 'node:fs'
import { extname, join, normalize } from 'node:path'

const port = Number(process.argv[2]) || 8099
const dist = new URL('../dist', import.meta.url).pathname
const CSP = "default-src 'self'; img-src 'self' data:; style-src 'self'"
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' }
const now = () => Math.floor(Date.now() / 1000)
const state = { user: process.env.MOCK_USER || '', must: false, db: true, revision: 481, silences: [], acks: new Set(), conflicts: 0,
  targets: [{ name: 'dingtalk', told: now() - 3600, error: 'errcode 310000: keywords not in content', test_asked: null, asked_by: '' }, { name: 'program', told: null, error: '', test_asked: null, asked_by: '' }, { name: 'wecom', told: now() - 187, error: '', test_asked: null, asked_by: '' }],
  sessions: [{ user: 'admin', peer: '127.0.0.1', role: 'admin', seen: now(), until: now() + 43200 }, { user: 'op.li', peer: '10.0.3.44', role: 'operator', seen: now() - 400, until: now() + 22000 }],
  links: [] }

const NAMES = ['order', 'search', 'cart', 'stock', 'price', 'user', 'pay', 'mail']
const modules = []
for (let m = 1; m <= 12; m++)
  for (let c = 1; c <= 6; c++)
    modules.push({
      m, c, name: m === 4 ? 'a-very-long-module-name-of-the-library' : 'shop' + (m > 1 ? m : ''), command: NAMES[(m + c) % 8], sum: 1n, policy: { rule: '', probe: '/healthz', timeout_ms: 200, slow_ms: 0, node_rps: m === 1 ? 300 : 0, node_inflight: m === 1 ? 40 : 0, target_ms: m === 1 ? 200 : 0 },
      nodes: Array.from({ length: 3 + (m * c) % 9 }, (_, i) => ({
        node: `10.0.${1 + i % 2}.${10 + i}:${8000 + c}`, zone: 'ab'[i % 2], weight: 100, state: m === 2 && c === 1 && i < 2 ? 'drained' : 'up',
        down: 0, ejected: (m === 1 && c === 1 && i === 0) ? 12 : 0, trial: m === 3 && c === 2 && i === 1 ? 3 : 0
      }))
    })
const find = id => modules.find(x => `${x.m}/${x.c}` === id)
const wave = (x, s) => 1 + 0.2 * Math.sin((now() + x) / s)
function calls(x, n) {
  return n.state === 'up' && !n.ejected ? 40 * wave(x.m * 7 + x.c, 20) * (x.m === 12 ? 0 : 1) : 0
}
const failed = (x, n) => calls(x, n) * (x.m === 3 ? 0.021 : 0.0004)
const sum = (list, f) => list.reduce((s, v) => s + f(v), 0)
const base = x => x.sum.toString(16).padStart(16, '0')
const stateOf = x => (x.nodes.every(n => n.state === 'drained') ? 'drained' : x.m === 4 && x.c === 2 ? 'held' : x.nodes.some(n => n.ejected) ? 'out' : 'ok')
const moduleJson = x => ({
  module: `${x.m}/${x.c}`, name: x.name, command: x.command, state: stateOf(x), nodes: x.nodes.length, up: x.nodes.filter(n => n.state === 'up' && !n.ejected).length,
  drained: x.nodes.filter(n => n.state === 'drained').length, out: x.nodes.filter(n => n.ejected).length,
  calls: sum(x.nodes, n => calls(x, n)), failed: sum(x.nodes, n => failed(x, n)), p99_ms: x.m === 12 ? null : 8 + x.m * 3
})
const moduleData = x => ({ ...head(), ...moduleJson(x), base: base(x), revision: state.revision, items: x.nodes.map(n => ({ ...n, calls: calls(x, n), failed: failed(x, n) })) })
const head = () => ({ at: Date.now(), age_ms: state.db ? 400 : 42000, sources: { db: state.db, reports: true, dnsd: true } })
const zones = () => ['a', 'b'].map(z => {
  const of = modules.flatMap(x => x.nodes.filter(n => n.zone === z).map(n => [x, n]))
  return { zone: z, decided: '', up: of.filter(([, n]) => n.state === 'up' && !n.ejected).length, drained: of.filter(([, n]) => n.state !== 'up').length, out: of.filter(([, n]) => n.ejected).length,
           calls: sum(of, ([x, n]) => calls(x, n)), failed: sum(of, ([x, n]) => failed(x, n)),
           need: z === 'a' ? 610 : null, capacity: z === 'a' ? 1000 : null, minutes: Array.from({ length: 60 }, (_, i) => 300 + 100 * Math.sin(i / 9 + (z === 'a'))) }
})
const began = now()
const alarmRows = [
  { id: 12, kind: 'node_down', subject: '1/1 10.0.1.10:8001', detail: 'down on 12 of 12 hosts', raised: began - 187, cleared: null },
  { id: 11, kind: 'route_held', subject: '4/2', detail: '5 of 6 nodes would go', raised: began - 60, cleared: null },
  { id: 10, kind: 'error_rate', subject: '3/2', detail: '2.1 % of 160 calls/s failed', raised: began - 86400, cleared: began - 85900 }
]
const openAlarms = () => alarmRows.filter(a => !a.cleared).map(({ cleared, ...a }) => ({ ...a, acked: state.acks.has(a.id), silenced: state.silences.some(s => s.kind === a.kind && s.subject === a.subject) }))
const audit = [{ id: 812, at: Date.now() - 600000, actor: 'op.li', via: 'console', action: 'set', subject: '2/1', reason: '更换磁盘 OPS-214', result: 'done', revision: 481, of: 0,
                 detail: { nodes: [{ module: '2/1', node: '10.0.1.10:8001', old: { weight: 100, zone: 'a', state: 'up' }, new: { weight: 100, zone: 'a', state: 'drained' } }], more: 0, settings: [] } },
               { id: 811, at: Date.now() - 90000000, actor: 'root', via: 'larsctl', action: 'user add', subject: 'user:op.li', reason: '', result: 'done', revision: 0, of: 0, detail: null }]
const noDetail = ({ detail, ...a }) => a
const badness = x => ['ok', 'drained', 'held', 'out', 'down'].indexOf(stateOf(x))
const sorted = by => [...modules].sort(by === 'number' ? () => 0 : by === 'calls' ? (a, b) => moduleJson(b).calls - moduleJson(a).calls : (a, b) => badness(b) - badness(a) || moduleJson(b).failed - moduleJson(a).failed)
const gatewayModule = (module, state, inflight, limit, more = {}) => ({ module, name: 'shop', command: 'order', state, nodes_in: 2, measured: true, limit, factor: 1, share: 0.5, inflight, queue: 0, refused_new: 0, refused_inside: 0, budget_empty: 0,
  requests: { node: 80, cache: 40, stale: 0, static: 0, waiting: 0, error: 0 }, ...more })
const gatewayAnswer = (ip, modules, more = {}) => ({ age_ms: 400, host: 'gateway-host', version: '1.2.0', address: ip + ':80', started: began - 90000, loops: 2, loops_max: 4, busy: [620, 480, 0, 0], clients: 1234, clients_max: 20000,
  cache: { bytes: 31 << 20, bytes_max: 64 << 20, objects: 812, hit_ratio: 0.62 }, static: { present: true, on: false, files: 412, bytes: 18 << 20, taken_at: began - 7200 },
  requests: { node: 812 * wave(1, 9), cache: 1320, stale: 0, static: 0, waiting: 31.5, error: 0.4 }, recent: Array.from({ length: 60 }, (_, i) => 2000 + 500 * Math.sin((i + now()) / 7)), modules, ...more })
const drained = new Set(['10.0.0.2:9890']), drainState = admin => (drained.has(admin) ? 'draining' : 'ready')
const gateways = () => [
  { admin: '10.0.0.1:9890', zone: 'a', state: drainState('10.0.0.1:9890'), unreachable: null, answer: gatewayAnswer('10.0.0.1', [gatewayModule('1/1', 'normal', 12, 64), gatewayModule('2/1', 'queueing', 63, 64, { queue: 12 }), gatewayModule('4/2', 'waiting', 64, 64, { measured: false, factor: 0.75, queue: 9, refused_new: 31.5 })]) },
  { admin: '10.0.0.2:9890', zone: 'b', state: drainState('10.0.0.2:9890'), unreachable: null, answer: gatewayAnswer('10.0.0.2', [gatewayModule('1/1', 'shedding', 64, 64, { queue: 40, refused_new: 120, refused_inside: 3.2, budget_empty: 2 }), gatewayModule('2/1', 'static', 0, 64, { nodes_in: 0 })]) },
  { admin: '10.0.0.3:9890', zone: '', state: 'unreachable', unreachable: { since: 1000 * began - 187000, fault: 'refused', detail: 'x' }, answer: gatewayAnswer('10.0.0.3', [gatewayModule('1/1', 'normal', 12, 64)], { age_ms: 188000 }) }]
const scaling = { freeze: null, plans: [{ id: 1, module: '1/1', zone: '', from: began + 3600, until: began + 10800, nodes: 12, in_force: false, note: 'opening of the exhibition', who: 'op.li' }, { id: 2, module: '20/1', zone: 'b', from: began - 600, until: began + 6600, nodes: 3, in_force: true, note: '', who: 'op.li' }], drained: new Set(['node-4']) }
const decision = more => ({ at: 1000 * (now() - now() % 60), demand: 812 * wave(1, 90), refused: 0, inflight: 61, load: 3.2, zones: 2, up: 8, need: 4, plan: 2, was: 4, wanted: 4, rule: 'keep', note: '', ...more })
const scaled = (module, name, command, policy, decision, zones, capacity) => ({ module, name, command, decision, capacity, plans: scaling.plans.filter(p => p.module === module).map(({ module: _, ...p }) => p),
  policy: { actuator: 'slots', min: 2, max: 8, warm: 1, util: 70, floor: 90, dry_run: false, who: 'op.li', changed: began, ...policy }, zones: zones.map(([zone, ordered, ready, up, failed]) => ({ zone, ordered, starting: ordered - ready - failed, ready, failed, stopping: 0, up })) })
const slot = (slot, ordered, state, more = {}) => (state ? { slot, ordered, runs: ordered || '20/1', port: 8000 + slot, pid: 4000 + slot, state, starts: 1, since: 1000 * began, note: '', measured: false, ...more } : { slot, ordered, runs: null, port: null, pid: null, state: null, starts: null, since: null, note: null, measured: false })
const host = (host, zone, n, items, age_ms = 700) => ({ host, zone, address: `10.0.${zone === 'a' ? 1 : 2}.${n}`, class: '', slots: 4, in_use: !scaling.drained.has(host), age_ms, items })
const scalingJson = () => ({ at: Date.now(), freeze: scaling.freeze, leader: { works: true, fence: 7, until: Date.now() + 9000 }, left_out: false,
  modules: [scaled('1/1', 'shop', 'order', {}, decision({ was: 4, wanted: 6, need: 6, rule: 'urgent', refused: 31.5, demand: 1933 }), [['a', 6, 5, 4, 0], ['b', 6, 4, 4, 1]], [{ class: '', rps: 240, inflight: 16, p99_us: 142000, target_us: 200000, factor: 0.95, build: '1.2.0', at: began - 86400, who: 'op.li' }]),
    scaled('20/1', 'site', 'pages', { max: 0 }, decision({ note: 'nothing goes down: alarm open' }), [['a', 2, 2, 2, 0], ['b', 3, 3, 3, 0]], [{ class: '', rps: 900, inflight: 20, p99_us: 31000, target_us: 200000, factor: 1, build: '', at: began - 86400, who: 'op.li' }]),
    scaled('21/1', '', '', { dry_run: true, min: 1 }, null, [], [])],
  hosts: [host('node-1', 'a', 1, [slot(1, '1/1', 'ready'), slot(2, '1/1', 'ready'), slot(3, '1/1', 'starting'), slot(4, '20/1', 'ready', { measured: true })]), host('node-2', 'a', 2, [slot(1, '1/1', 'ready'), slot(2, '20/1', 'ready')]), host('node-3', 'b', 1, [slot(1, '1/1', 'ready'), slot(2, '1/1', 'failed', { starts: 3, note: 'exit status 1' }), slot(3, '1/1', null)]), host('node-4', 'b', 2, [slot(1, null, 'stopping')]), host('node-5', 'b', 3, [], 91000)] })
function scalingHistory(q) {
  const to = Math.floor((now() - 3) / 10) * 10, step = Number(q.get('step')) || 60, from = to - (Number(q.get('span')) || 3600), n = Math.floor((to - from) / step)
  const demand = Array.from({ length: n }, (_, i) => 700 + 300 * Math.sin(i * step / 900) + (i > n * 0.9 ? 900 : 0) + 20 * Math.sin(i * 7)), load = demand.map(v => v / 240), need = load.map(v => 2 * Math.ceil(v / 1.4))
  const wanted = need.map((_, i) => Math.max(4, ...need.slice(Math.max(0, i - Math.ceil(900 / step)), i + 1))), up = wanted.map((v, i) => wanted[Math.max(0, i - 2)])
  return { from, to: from + n * step, step, demand, refused: demand.map((v, i) => (i === Math.ceil(n * 0.9) ? 80 : 0)), load, need, wanted, up,
    decisions: [decision({ was: 4, wanted: 6, need: 6, rule: 'urgent' }), decision({ at: 1000 * (now() - 900), was: 5, wanted: 4, rule: 'down' }), decision({ at: 1000 * (now() - 1900), was: 4, wanted: 5, need: 5, rule: 'floor' })] }
}
const scaledBrief = () => [{ module: '1/1', name: 'shop', command: 'order', wanted: 6, need: 6, short: true, zones: [{ zone: 'a', up: 4 }, { zone: 'b', up: 4 }] }, { module: '20/1', name: 'site', command: 'pages', wanted: 2, need: 2, short: false, zones: [{ zone: 'a', up: 2 }, { zone: 'b', up: 3 }] }]
const drillSecond = () => Math.min(300, 40 + now() - began)
// The failed requests of the samples are all in their second 30, and every figure is added up from the seconds.
const DRILL_FAILED = { 3: 12, 2: 90, 1: 4 }
const drillSeconds = (id, n) => Array.from({ length: n }, (_, i) => {
  const due = i < 20 ? 200 : 600, failed = i === 30 ? DRILL_FAILED[id] : 0
  return { due, ok: due - failed, failed, waiting_page: 0, p50_us: 9000, p99_us: 30000 + 20000 * Math.sin(i / 9) ** 2 + (i === 30 ? 150000 : 0), generator_late: 0, gateways: 2, nodes_in: 8, alarms: 0, wanted: i < 21 ? 4 : 10, up: i < 24 ? 4 : i === 30 ? 9 : 10 }
})
const drillSum = (id, n, key) => sum(drillSeconds(id, n), s => s[key])
const drillRow = (id, name, st, more) => {
  const second = more.second ?? 300
  return { id, name, module: '1/1', state: st, who: 'op.li', host: 'gw-1', folder: '/home/op.li/' + name.replaceAll(' ', '-') + '.drill', started: 1000 * (began - 86400 * (3 - id) - 40), age_ms: 400, ended: null, second, seconds: 300, happened: 3, events: 3, due: drillSum(id, second, 'due'), ok: drillSum(id, second, 'ok'), failed: drillSum(id, second, 'failed'), p50_us: 9800, p99_us: 84000, undo_open: false, why: '', ...more }
}
const drills = () => [drillRow(3, 'opening day', state.aborted ? 'aborted' : 'running', { second: drillSecond(), happened: 2, undo_open: true }), drillRow(2, 'zone b goes', 'failed', { ended: 1000 * (began - 86000) }), drillRow(1, 'node killed', 'passed', { ended: 1000 * (began - 172000) })]
const drillEvents = n => [{ number: 1, at_s: 20, for_s: 0, do: 'load x3', did_s: 20, undone_s: n < 300 ? null : 300, failed: false, why: '', detect_s: null, shift_s: 0, scale_s: 3.5 }, { number: 2, at_s: 30, for_s: 60, do: 'kill /run/lars/slots/7.pid', did_s: n < 30 ? null : 30.1, undone_s: n < 90 ? null : 90.2, failed: false, why: '', detect_s: 1.2, shift_s: 2, scale_s: null }, { number: 3, at_s: 150, for_s: 30, do: 'stop /run/mariadb/mariadb.pid', did_s: n < 150 ? null : 150, undone_s: n < 180 ? null : 180.3, failed: false, why: '', detect_s: null, shift_s: n < 150 ? null : 0, scale_s: null }]
const drillTargets = row => {
  const target = (name, wanted, got) => ({ name, wanted, got, pass: got !== null && got <= wanted })
  return [target('max_error_percent', 0.1, 100 * row.failed / row.due), target('p99_ms', 200, row.p99_us / 1000), target('detect_s', 5, 1.2), target('scale_s', 4, row.id === 1 ? 3.5 : null)]
}
function drillAnswer(key) {
  const id = Number(key.split('/')[2]), row = drills().find(x => x.id === id), list = row && drillSeconds(id, row.second), over = row?.state !== 'running'
  if (key.startsWith('POST'))
    return (state.aborted = true, [202])
  if (key.endsWith('/report'))
    return [200, { name: row.name, pass: row.state === 'passed', undone: true, aborted: '', all: { due: row.due, ok: row.ok, failed: row.failed, waiting_page: 0, p50_us: row.p50_us, p99_us: row.p99_us, generator_late: 3 }, targets: drillTargets(row), events: drillEvents(300), seconds: drillSeconds(id, 300) }]
  const lists = Object.fromEntries(['due', 'ok', 'failed', 'p50_us', 'p99_us', 'wanted', 'up'].map(k => [k, list.map(s => s[k])]))
  return [200, { ...row, abort: null, script: '[drill]\nname = ' + row.name + '\nmodule = 1/1\n\n[load]\nurl = http://www.example.edu/\nrate = 200\nseconds = 300\n\n[event 1]\nat = 20\ndo = load x3\n', live: over ? {} : { targets: drillTargets(row), events: drillEvents(row.second), seconds: { from: 0, ...lists } } }]
}
function scalingChange(key, body) {
  if (key === 'POST /scaling/freeze')
    scaling.freeze = { reason: body.reason, until: now() + 60 * body.minutes, who: state.user }
  else if (key === 'DELETE /scaling/freeze')
    scaling.freeze = null
  else if (key === 'POST /scaling/plans')
    scaling.plans.push({ id: now(), in_force: body.from <= now(), who: state.user, ...body })
  else if (key.startsWith('DELETE /scaling/plans/'))
    scaling.plans = scaling.plans.filter(p => !key.endsWith('/' + p.id))
  else if (key.startsWith('POST /scaling/hosts/'))
    scaling.drained[body.in_use ? 'delete' : 'add'](key.split('/').pop())
  return [key === 'POST /scaling/plans' ? 201 : 204]
}
const overview = () => ({ ...head(), calls: sum(zones(), z => z.calls), failed: sum(zones(), z => z.failed), p99_ms: 38, hour: { calls: 1234567, failed: 123 }, minutes_to: Math.floor(now() / 60) * 60, modules: modules.length, revision: state.revision, gateways: { all: 3, unreachable: 1, modules: [{ module: '1/1', state: 'shedding', gateways: 1 }, { module: '4/2', state: 'waiting', gateways: 1 }] }, zones: zones(), database: { case: 'arbiter', members: 3, data: 2 }, alarms: openAlarms(), scaling: scaledBrief(), drill: state.aborted ? null : { id: 3, name: 'opening day', host: 'gw-1', second: drillSecond(), seconds: 300, lost: false },
  changes: audit.slice(0, 5).map(noDetail), worst: sorted('problems').slice(0, 5).map(moduleJson), busiest: sorted('calls').slice(0, 5).map(moduleJson) })
const wall = () => {
  const { alarms, changes, worst, busiest, ...rest } = overview()
  return { ...rest, problems: alarms.length, change: { at: changes[0].at, action: changes[0].action, result: changes[0].result } }
}
const agents = () => Array.from({ length: state.forgot ? 11 : 12 }, (_, i) => ({ agent: `10.0.0.${i + 1}:8888`, state: Date.now() - state.changed < 20 * i ? 'behind' : i === 9 && process.env.MOCK_SILENT && !state.forgot ? 'silent' : 'in_force', silent_s: i === 9 ? 42 : 0 }))
state.changed = 0

class Problem extends Error {
  constructor(status, code, more = {}) {
    super(code)
    this.body = { type: 'about:blank', status, code, ...more }
  }
}

/* Rows before and after the operations, and a function that makes them so. */
function planOf(body) {
  const rows = [], settings = [], touched = new Set(), make = []
  const set = (x, n, more) => {
    const old = { weight: n.weight, zone: n.zone, state: n.state }, fresh = { ...old, ...more }
    if (JSON.stringify(old) === JSON.stringify(fresh))
      return
    touched.add(x)
    rows.push({ module: `${x.m}/${x.c}`, node: n.node, old, new: fresh })
    make.push(() => Object.assign(n, more))
  }
  body.operations.forEach((o, i) => {
    const { op, module, node, ...more } = o, x = module && find(module)
    const one = () => x?.nodes.find(n => n.node === node)
    if (op === 'set' && one())
      set(x, one(), more)
    else if (op === 'remove' && one()) {
      const n = one()
      touched.add(x)
      rows.push({ module, node, old: { weight: n.weight, zone: n.zone, state: n.state }, new: null })
      make.push(() => { x.nodes = x.nodes.filter(y => y !== n) })
    } else if (op === 'add' && /^\d+(\.\d+){3}:\d+$/.test(node) && x) {
      touched.add(x)
      const fresh = { weight: 100, zone: '', state: 'up', ...more }
      rows.push({ module, node, old: null, new: fresh })
      make.push(() => x.nodes.push({ node, down: 0, ejected: 0, trial: 0, ...fresh }))
    } else if (op === 'zone' || op === 'host')
      modules.forEach(y => y.nodes.filter(n => (op === 'zone' ? n.zone === o.zone : n.node.startsWith(o.host + ':'))).forEach(n => set(y, n, { state: o.state })))
    else if (op === 'policy' || op === 'name')
      for (const [k, v] of Object.entries(more)) {
        const at = op === 'policy' ? x.policy : x
        if (at[k] !== v) {
          settings.push({ module, key: op === 'name' && k === 'name' ? 'module' : k, old: String(at[k]), new: String(v) })
          make.push(() => { at[k] = v })
        }
      }
    else if (op !== 'confirm')
      throw new Problem(422, 'wrong', { field: 'operations/' + i, detail: `node: "${node}" is not one IPv4 address with a port, such as 10.0.1.7:8001` })
  })
  const left = (x, z) => x.nodes.filter(n => n.state === 'up' && (!z || n.zone === z)).length - rows.filter(r => r.module === `${x.m}/${x.c}` && r.old?.state === 'up' && r.new?.state !== 'up' && (!z || r.old.zone === z)).length + rows.filter(r => r.module === `${x.m}/${x.c}` && r.old?.state !== 'up' && r.new?.state === 'up' && (!z || r.new.zone === z)).length
  const mods = [...touched].map(x => {
    const had = x.nodes.filter(n => n.state === 'up').length, l = left(x), gone = Math.max(0, had - l)
    const all = 60 * moduleJson(x).calls, warnings = [l === 0 && had && 'none_left', gone * 2 >= had && gone && l && 'most_gone', ['a', 'b'].some(z => x.nodes.some(n => n.zone === z) && left(x, z) === 0) && 'zone_empty', x.m === 1 && gone > 1 && 'overload'].filter(Boolean)
    return { module: `${x.m}/${x.c}`, base: base(x), had, gone, left: l, out: 0, calls: Math.round(all), calls_gone: Math.round(all * gone / had || 0), capacity: x.policy.node_rps * l, warnings }
  })
  return { make, touched, plan: { hash: base({ sum: BigInt(rows.length * 1000 + state.revision) }), needs_consent: mods.some(m => m.warnings.some(w => w !== 'overload' && w !== 'zone_empty')), word: body.operations[0].module || body.operations[0].zone || body.operations[0].host, many_of_all: rows.length > 100,
    modules: mods, zones: [...touched].flatMap(x => ['a', 'b'].map(z => ({ module: `${x.m}/${x.c}`, zone: z, had: x.nodes.filter(n => n.state === 'up' && n.zone === z).length, left: left(x, z) }))), rows, settings } }
}

function changes(body, dry) {
  const { make, touched, plan } = planOf(body)
  if (process.env.MOCK_CONFLICT && !dry && state.conflicts++ === 0)
    throw new Problem(409, 'conflict', { detail: 'the nodes of 1/1 were changed since they were read', current: plan })
  if (dry)
    return [200, plan]
  if (plan.needs_consent && body.consent !== plan.word)
    throw new Problem(409, 'consent_needed', { current: plan })
  make.forEach(f => f())
  touched.forEach(x => { x.sum += 1n })
  state.changed = Date.now()
  state.revision++
  audit.unshift({ id: audit[0].id + 1, at: Date.now(), actor: state.user, via: 'console', action: body.operations[0].op, subject: plan.word, reason: body.reason, result: 'done', revision: state.revision, of: 0, detail: { nodes: plan.rows, more: 0, settings: plan.settings } })
  return [201, { id: audit[0].id, revision: state.revision, plan }]
}

const session = () => ({ user: state.user, role: ['viewer', 'operator', 'admin'].includes(state.user) ? state.user : 'operator', csrf: 'mock', must_change: state.must })
const services = () => [['dnsd', 'dnsd-a', 'a'], ['dnsd', 'dnsd-b', 'b'], ['reportd', 'reportd-a', 'a'], ['agent', '10.0.0.1:8888', 'a'], ['agent', '10.0.0.9:8888', 'b']].map(([kind, name, zone], i) => ({
  kind, name, zone, address: `10.0.0.${i + 1}:777${i}`, version: '1.0.0', state: '', revision: i === 4 ? 478 : state.revision, silent_ms: i === 4 ? 42000 : 700, alive: i !== 4 }))

function time(q, least) {
  const to0 = Number(q.get('to')) || Math.floor(now()), from0 = Number(q.get('from')) || to0 - (Number(q.get('span')) || 3600)
  const length = to0 - from0, step = Math.max(least, length <= 900 ? 1 : length <= 86400 ? 60 : length <= 172800 ? 300 : length <= 5184000 ? 3600 : 21600)
  const to = Math.floor(Math.min(now() - 3, to0) / step) * step, from = Math.floor(from0 / step) * step
  return { from, to, step, n: Math.max(0, (to - from) / step) }
}

function history(q) {
  const { n, ...t } = time(q, 1)
  const calls = Array.from({ length: n }, (_, i) => 300 * (1 + 0.3 * Math.sin((t.from / t.step + i) / 30)))
  return { ...t, calls, failed: calls.map((v, i) => v * (i % 50 === 7 ? 0.04 : 0.001)),
    changes: [{ id: 12, at: (t.from + (t.to - t.from) * 0.4) * 1000, actor: 'li', action: 'route set', subject: '1/1' }],
    alarms: [{ id: 7, kind: 'node_down', subject: '10.0.0.1:8001', raised: Math.round(t.from + (t.to - t.from) * 0.6), cleared: Math.round(t.from + (t.to - t.from) * 0.7) }] }
}

function latency(q) {
  const { n, ...t } = time(q, 60)
  const p99 = Array.from({ length: n }, (_, i) => (i % 40 === 3 ? null : 30 + 8 * Math.sin((t.from / t.step + i) / 20)))
  return { ...t, p50_ms: p99.map(v => v && v / 8), p90_ms: p99.map(v => v && v / 2), p99_ms: p99 }
}

function answer(method, path, q, body) {
  const key = method + ' ' + path
  let m
  if (key === 'POST /session') {
    if (body.password === 'wrong')
      throw new Problem(401, 'wrong_login')
    state.user = body.user
    state.must = body.password === 'first'
    return [200, session()]
  }
  if (key === 'POST /session/wall')
    return [200, { ...session(), user: 'wall', role: 'wall' }]
  if (!state.user && !path.startsWith('/wall'))
    throw new Problem(401, 'no_session')
  if (key === 'DELETE /session')
    return [(state.user = '', 204)]
  if (key === 'PUT /session/password')
    return [(state.must = false, 204)]
  if (!state.db && method !== 'GET')
    throw new Problem(503, 'db_down')
  const fixed = {
    'GET /session': session, 'GET /capabilities': () => ({ scaling: true, drill: true }), 'GET /overview': overview, 'GET /wall': wall,
    'GET /alarm-targets': () => ({ items: state.targets }), 'GET /sessions': () => ({ items: state.sessions }), 'GET /wall-links': () => ({ items: state.links }),
    'GET /zones': () => ({ ...head(), items: zones() }), 'GET /silences': () => ({ items: state.silences }),
    'GET /scaling': scalingJson, 'GET /drills': () => ({ items: drills() }),
    'GET /gateways': () => ({ ...head(), commands: true, items: gateways() }),
    'GET /services': () => ({ ...head(), items: services(), holds: [{ module: '4/2', had: 6, gone: 5, dnsd: 'dnsd-a' }], revision: state.revision }),
    'GET /alarms': () => ({ items: alarmRows }),
    'GET /audit': () => ({ items: audit.filter(a => !q.get('subject') || a.subject === q.get('subject')).map(noDetail) })
  }
  if ((m = key.match(/^(GET|POST|DELETE) \/(sessions|wall-links)(\/|$)/)) && session().role !== 'admin')
    throw new Problem(403, 'wrong_role')
  if (fixed[key])
    return [200, fixed[key]()]
  if (key === 'POST /changes')
    return changes(body, q.get('dry_run') === '1')
  if (key === 'POST /silences')
    return [(state.silences.push({ id: now(), kind: body.kind, subject: body.subject, until: now() + 60 * body.minutes, actor: state.user, reason: body.reason }), 201)]
  if ((m = key.match(/^DELETE \/silences\/(\d+)$/)))
    return [(state.silences = state.silences.filter(s => s.id !== Number(m[1])), 204)]
  if ((m = key.match(/^POST \/alarm-targets\/(\w+)$/))) {
    const x = state.targets.find(y => y.name === m[1])
    Object.assign(x, { test_asked: now(), asked_by: state.user })
    setTimeout(() => Object.assign(x, { told: now() + 1 }), 3000)
    return [202]
  }
  if ((m = key.match(/^POST \/gateways\/(.+)\/(drain|undrain)$/))) {
    const admin = decodeURIComponent(m[1])
    if (m[2] === 'drain' && body.consent !== admin)
      throw new Problem(409, 'consent_needed')
    return [(m[2] === 'drain' ? drained.add(admin) : drained.delete(admin), 204)]
  }
  if (/\/drills\/\d+/.test(key))
    return drillAnswer(key)
  if (/^GET \/scaling\/\d+\/\d+$/.test(key))
    return [200, scalingHistory(q)]
  if (/^(POST|DELETE) \/scaling\//.test(key))
    return scalingChange(key, body)
  if (key.startsWith('DELETE /agents/'))
    return [(state.forgot = true, 204)]
  if ((m = key.match(/^DELETE \/sessions\/(.+)$/)))
    return [(state.sessions = state.sessions.filter(s => s.user !== decodeURI(m[1])), 204)]
  if (key === 'POST /wall-links')
    return [(state.links.push({ user: state.user, until: now() + 86400 * body.days }), 201), { token: 'mock-token-' + 'x'.repeat(32) }]
  if (key === 'DELETE /wall-links')
    return [(state.links = [], 204)]
  if ((m = key.match(/^POST \/alarms\/(\d+)\/ack$/)))
    return [(state.acks.add(Number(m[1])), 204)]
  if (key === 'GET /modules') {
    const list = sorted(q.get('sort') || 'problems').filter(x => (!q.get('q') || `${x.m}/${x.c} ${x.name} ${x.command} ${x.nodes.map(n => n.node)}`.includes(q.get('q'))) && (!q.get('zone') || x.nodes.some(n => n.zone === q.get('zone'))) && (!q.get('state') || stateOf(x) === q.get('state')))
    const page = Number(q.get('page')) || 1
    return [200, { ...head(), total: list.length, page, page_size: 50, items: list.slice(50 * page - 50, 50 * page).map(moduleJson) }]
  }
  if (/^GET \/zones\/.+\/history$/.test(key))
    return [200, history(q)]
  if ((m = key.match(/^GET \/modules\/(\d+\/\d+)(\/history|\/latency)?$/)) && find(m[1])) {
    const x = find(m[1])
    return [200, m[2] === '/latency' ? latency(q) : m[2] ? history(q) : { ...moduleData(x), policy: x.policy, agents: agents() }]
  }
  if ((m = key.match(/^GET \/alarms\/(\d+)$/))) {
    const a = alarmRows.find(r => r.id === Number(m[1]))
    return [200, { ...a, notes: [], texts: { en: { means: 'A node gets no calls: its callers do not reach it.', steps: 'Look whether its process runs and listens (on its host: ss -ltnp).\nTake it out with `larsctl node drain IP`.' }, 'zh-CN': { means: '一个节点不再分到调用：调用方访问不到它。', steps: '看它的进程是否在运行并监听（在该主机上 ss -ltnp）。\n用 `larsctl node drain IP` 摘下。' } } }]
  }
  if ((m = key.match(/^GET \/audit\/(\d+)$/)))
    return [200, audit.find(r => r.id === Number(m[1]))]
  if ((m = key.match(/^GET \/changes\/(\d+)$/))) {
    const r = audit.find(a => a.id === Number(m[1]))
    return [200, { revision: r.revision, modules: [...new Set(r.detail.nodes.map(n => n.module))].slice(0, 64).map(id => ({ module: id, agents: agents() })) }]
  }
  throw new Problem(404, 'not_found')
}

function events(res, topic) {
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
  const [name, id] = topic.split(':'), x = id && find(id)
  const data = () => (x ? moduleData(x) : name === 'wall' ? wall() : overview())
  const send = () => state.db && res.write(`event: ${name}\ndata: ${JSON.stringify(data())}\n\n`)
  send()
  const timer = setInterval(send, 1000)
  res.on('close', () => clearInterval(timer))
}

function file(res, path) {
  const name = normalize(path === '/' ? '/index.html' : path), full = join(dist, name)
  if (name.includes('..') || !existsSync(full)) {
    res.writeHead(404).end()
    return
  }
  res.writeHead(200, { 'Content-Type': TYPES[extname(name)] || 'application/octet-stream', 'Content-Security-Policy': CSP })
  res.end(readFileSync(full))
}

createServer(async (req, res) => {
  const url = new URL(req.url, 'http://mock')
  let text = ''
  for await (const part of req)
    text += part
  if (url.pathname === '/mock/end') {           // the session ends
    state.user = ''
    res.end()
  } else if (url.pathname === '/mock/db') {
    state.db = url.searchParams.get('up') !== '0'
    res.end()
  } else if (url.pathname === '/api/v1/events') {
    events(res, url.searchParams.get('topics'))
  } else if (url.pathname.startsWith('/api/v1/')) {
    let status = 500, json
    try {
      [status, json] = answer(req.method, url.pathname.slice(7), url.searchParams, text ? JSON.parse(text) : {})
    } catch (e) {
      json = e.body || { status, code: 'mock', detail: e.stack }
      status = json.status
    }
    res.writeHead(status, { 'Content-Type': status < 400 ? 'application/json' : 'application/problem+json' })
    res.end(json === undefined ? undefined : JSON.stringify(json))
  } else {
    file(res, url.pathname)
  }
}).listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}/`))
