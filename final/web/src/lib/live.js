// Event streams.  One stream feeds the frame and the overview, another one the page of a
// module.  A tab that is hidden for a minute closes its streams, because a browser opens only
// six connections to a host.
import { onUnmounted, reactive, watch } from 'vue'
import { seenHead } from './head.js'
import { session } from './session.js'

const HIDDEN_MS = 60000
const AGAIN_MS = 2000
const QUIET_MS = 15000                // without an event the connection may be dead: open it again

export const live = reactive({ overview: null, wall: null, connected: false, error: null })

export class Stream {
  /** take(data) for each event; up(bool): whether the stream is there. */
  constructor(topic, take, up) {
    Object.assign(this, { topic, take, up, source: null, timer: 0, hideTimer: 0, wanted: false })
    this.onVisible = () => this.visible()
  }

  start() {
    if (this.wanted)
      return
    this.wanted = true
    document.addEventListener('visibilitychange', this.onVisible)
    this.open()
    this.visible()
  }

  stop() {
    this.wanted = false
    document.removeEventListener('visibilitychange', this.onVisible)
    clearTimeout(this.hideTimer)
    this.close()
  }

  visible() {
    clearTimeout(this.hideTimer)
    if (document.hidden)
      this.hideTimer = setTimeout(() => this.close(), HIDDEN_MS)
    else if (!this.source)
      this.open()
  }

  open() {
    this.close()
    const s = this.source = new EventSource('/api/v1/events?topics=' + this.topic)
    this.againIn(QUIET_MS)
    s.addEventListener(this.topic.split(':')[0], e => {
      const data = JSON.parse(e.data)
      seenHead(data)
      this.take(data)
      this.up(true)
      this.againIn(QUIET_MS)
    })
    s.addEventListener('end', () => {
      this.close()
      session.expired = true
    })
    s.onerror = () => this.failed(s)
  }

  againIn(ms) {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.open(), ms)
  }

  /* The browser itself tries again, except after an answer that is not a stream. */
  failed(s) {
    this.up(false)
    if (s.readyState !== EventSource.CLOSED)
      return
    this.close()
    if (this.wanted)
      this.againIn(AGAIN_MS)
  }

  close() {
    clearTimeout(this.timer)
    if (this.source)
      this.source.close()
    this.source = null
    this.up(null)
  }
}

const feed = topic => new Stream(topic, data => {
  live[topic] = data
}, up => {
  live.connected = up === true
  if (up !== null)
    live.error = up ? null : 'unreachable'
})

export const overviewStream = feed('overview')
export const wallStream = feed('wall')

/** The newest data of a topic that may change; topic() gives null for none. */
export function useStream(topic) {
  const state = reactive({ data: null, seen: 0, connected: false })
  let stream = null
  watch([topic, () => session.expired], ([name, ended], [old]) => {
    stream?.stop()
    stream = null
    if (name !== old)
      state.data = null
    if (!name || ended)
      return
    stream = new Stream(name, data => Object.assign(state, { data, seen: Date.now() }), up => { state.connected = up === true })
    stream.start()
  }, { immediate: true })
  onUnmounted(() => stream?.stop())
  return state
}
