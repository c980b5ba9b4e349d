// The dialogs that any page opens: one change at a time, one note or silence at a time.
import { reactive } from 'vue'
import { drop, kept } from './draft.js'
import { mayOperate } from './session.js'

/* kind: add weight zone drain undrain remove policy name confirm zone_state host_state */
export const change = reactive({ open: false, spec: null })
export const note = reactive({ open: false, spec: null })

/** Resolves to true when something was changed. */
export const openChange = spec => new Promise(done => {
  Object.assign(change, { open: true, spec: { ...spec, done } })
})

/** kind: ack or silence, of an alarm {id, kind, subject}. */
export const openNote = (kind, alarm, restored = null) => new Promise(done => {
  Object.assign(note, { open: true, spec: { kind, alarm, restored, done } })
})

/** After a reload: open again what was open, with what was typed. */
export function restoreDialogs() {
  const c = kept('change'), n = kept('note')
  if (c && mayOperate() && !change.spec)
    openChange({ ...c.spec, restored: { form: c.form, reason: c.reason } })
  else if (n && mayOperate() && !note.spec)
    openNote(n.kind, n.alarm, { text: n.text, minutes: n.minutes })
}

export function forgetDialogs() {
  drop('change')
  drop('note')
  drop('scale')
}
