// What the autoscaler decided, as sentences, and the times of plans.
import { zoneName } from './format.js'
import { t, te, word } from './i18n.js'

// The sentences of a note; the groups of a pattern are the values of the key.
// test/decisions.mjs compares this list with lars-autoscaler.
const NOTES = [
  ['dry_run', /^dry run: nothing is changed$/],
  ['unmeasured', /^the capacity of a node is not measured$/],
  ['ceiling', /^capacity\.ceiling: (?<n>\d+) nodes have no slot, add hosts with slots$/],
  ['floor', /^capacity\.floor: (?<n>\d+) nodes have no slot, add hosts with slots$/],
  ['max', /^capacity\.max: each zone needs (?<n>\d+) nodes, max=(?<max>\d+)$/],
  ['hold', /^nothing goes down: (?<why>.+)$/]
]

function noteSentence(text) {
  for (const [key, pattern] of NOTES) {
    const m = pattern.exec(text)
    if (m)
      return t('scale_note.' + key, { ...m.groups, why: word('scale_hold', m.groups?.why ?? '') })
  }
  return text
}

/** Why so many nodes are wanted. */
export function ruleSentence(d) {
  const key = d.rule !== 'max' && d.was === d.wanted ? 'keep' : d.rule
  return te('scale_rule.' + key) ? t('scale_rule.' + key, d) : t('scale.other_rule', d)
}

/** What else the decision says; '' = nothing. */
export const noteOf = d => d.note.split('; ').filter(Boolean).map(noteSentence).join(' ')

/** "2027-05-01T08:30", in the time zone of the page: the value of a native input. */
export const wallText = ms => new Intl.DateTimeFormat('sv-SE', {
  timeZone: zoneName(), year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit'
}).format(ms).replace(' ', 'T')

/** The seconds since 1970 of such a value; NaN when it is none. */
export function secondsOf(text) {
  const wall = Date.parse(text + ':00Z')
  let ms = wall
  for (let i = 0; i < 2; i++)         // the second time across a change of the clock
    ms += wall - Date.parse(wallText(ms) + ':00Z')
  return ms / 1000
}
