// The figures of a drill as a page shows them: the same form while it runs and from its report.

const LISTS = ['due', 'ok', 'failed', 'p50_us', 'p99_us', 'wanted', 'up']
const list = v => (Array.isArray(v) ? v : [])
const number = v => (typeof v === 'number' ? v : null)

function secondsOf(s) {
  const out = { from: 0 }
  if (Array.isArray(s)) {
    for (const k of LISTS)
      out[k] = s.map(x => number(x?.[k]))
  } else {
    out.from = number(s?.from) ?? 0
    for (const k of LISTS)
      out[k] = list(s?.[k]).map(number)
  }
  return out
}

/** The parts of a report, or of what a drill that runs has written last. */
export const partsOf = d => ({
  seconds: secondsOf(d?.seconds),
  events: list(d?.events),
  targets: list(d?.targets)
})

/** From when to when an event was in force, in seconds of the drill; null: it has not begun. */
export function spanOf(e, second) {
  const from = number(e.did_s)
  return from === null ? null : [from, number(e.undone_s) ?? Math.max(second, from)]
}

export const isOver = d => !!d && d.state !== 'running' && d.state !== 'lost'
