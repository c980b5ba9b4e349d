// How old the newest data is, and which sources feed it.  Each answer of the server that has
// a head, by request or by the event stream, comes through seenHead().
import { computed, reactive, ref } from 'vue'

export const STALE_MS = 5000

export const now = ref(Date.now())
setInterval(() => { now.value = Date.now() }, 1000)

export const head = reactive({ known: false, ageMs: 0, seen: 0, sources: { db: true, reports: true, dnsd: true } })

export function seenHead(json) {
  if (!json || typeof json.age_ms !== 'number')
    return
  head.known = true
  head.ageMs = json.age_ms
  head.seen = Date.now()
  head.sources = json.sources || head.sources
  now.value = head.seen
}

export const ageMs = computed(() => head.ageMs + Math.max(0, now.value - head.seen))
export const isStale = computed(() => head.known && ageMs.value > STALE_MS)
