// The dialogs that any page opens: one change at a time, one note or silence at a time.
import { reactive } from 'vue'

/* kind: add weight zone drain undrain remove policy name confirm zone_state host_state */
export const change = reactive({ open: false, spec: null })
export const note = reactive({ open: false, spec: null })

/** Resolves to true when something was changed. */
export const openChange = spec => new Promise(done => {
  Object.assign(change, { open: true, spec: { ...spec, done } })
})

/** kind: ack or silence, of an alarm {id, kind, subject}. */
export const openNote = (kind, alarm) => new Promise(done => {
  Object.assign(note, { open: true, spec: { kind, alarm, done } })
})
