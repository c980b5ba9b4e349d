// What a filled form of the change dialog asks of the server, and which fields it has.
const field = (key, type, more = {}) => ({ key, type, ...more })

const POLICY = [
  field('rule', 'select', { options: ['', 'p2c', 'scan', 'wrr', 'hash', 'classic'] }),
  field('probe', 'text'), field('timeout_ms', 'number'), field('slow_ms', 'number'),
  field('node_rps', 'number'), field('node_inflight', 'number'), field('target_ms', 'number')
]

export const FIELDS = {
  add: [field('node', 'text', { required: true, example: '10.0.1.7:8001' }),
        field('zone', 'text', { list: 'zones' }), field('weight', 'number', { required: true })],
  weight: [field('weight', 'number', { required: true })],
  zone: [field('zone', 'text', { list: 'zones' })],
  host_state: [field('host', 'text', { required: true, example: '10.0.1.7' })],
  name: [field('name', 'text'), field('command', 'text')],
  policy: POLICY,
  revert: [], drain: [], undrain: [], remove: [], confirm: [], zone_state: []
}

export function initial(spec) {
  const first = spec.nodes?.[0] || {}
  const all = {
    add: { node: '', zone: '', weight: 100 },
    weight: { weight: first.weight ?? 100 },
    zone: { zone: first.zone ?? '' },
    host_state: { host: spec.host ?? '' },
    name: { name: spec.name ?? '', command: spec.command ?? '' },
    policy: { rule: '', probe: '', ...Object.fromEntries(NUMBERS.map(k => [k, 0])), ...spec.policy }
  }
  return all[spec.kind] || {}
}

const each = (spec, more) => spec.nodes.map(n => ({ module: n.module ?? spec.module, node: n.node, ...more }))
const asNumber = v => Math.max(0, Math.trunc(Number(v) || 0))

const NAMES = { module: 'name', command: 'command' }
const NUMBERS = ['timeout_ms', 'slow_ms', 'node_rps', 'node_inflight', 'target_ms']

/* One operation of a module sets all its names, another one its policy. */
function oldSettings(settings) {
  const of = new Map()
  for (const { module, key, old } of settings) {
    const op = NAMES[key] ? 'name' : 'policy', at = op + module
    if (!of.has(at))
      of.set(at, { op, module })
    const member = NAMES[key] || key
    if (!(member in of.get(at)))      // of two changes of a setting, the first has the old value
      of.get(at)[member] = NUMBERS.includes(key) ? asNumber(old) : old
  }
  return [...of.values()]
}

const BUILD = {
  add: (s, f) => [{ op: 'add', module: s.module, node: f.node.trim(), weight: asNumber(f.weight),
                    ...(f.zone.trim() ? { zone: f.zone.trim() } : {}) }],
  weight: (s, f) => each(s, { op: 'set', weight: asNumber(f.weight) }),
  zone: (s, f) => each(s, { op: 'set', zone: f.zone.trim() }),
  drain: s => each(s, { op: 'set', state: 'drained' }),
  undrain: s => each(s, { op: 'set', state: 'up' }),
  remove: s => each(s, { op: 'remove' }),
  name: (s, f) => [{ op: 'name', module: s.module, name: f.name.trim(), command: f.command.trim() }],
  policy: (s, f) => [{ op: 'policy', module: s.module, rule: f.rule, probe: f.probe.trim(),
                       ...Object.fromEntries(NUMBERS.map(k => [k, asNumber(f[k])])) }],
  revert: s => [...s.rows.map(r => (
    !r.old ? { op: 'remove', module: r.module, node: r.node }
      : { op: r.new ? 'set' : 'add', module: r.module, node: r.node, ...r.old })),
  ...oldSettings(s.settings || [])],
  confirm: s => [{ op: 'confirm', module: s.module }],
  zone_state: s => [{ op: 'zone', zone: s.zone, state: s.state }],
  host_state: (s, f) => [{ op: 'host', host: f.host.trim(), state: s.state }]
}

export const operations = (spec, form) => BUILD[spec.kind](spec, form)
