// The event stream.  One stream feeds the frame and the overview.  A tab that is hidden for a
// minute closes it, because a browser opens only six connections to a host.
import { reactive } from 'vue'
import { seenHead } from './head.js'
import { session } from './session.js'

const HIDDEN_MS = 60000
const AGAIN_MS = 2000

export const live = reactive({ overview: null, wall: null, connected: false, error: null, sparks: {} })

const SPARK_POINTS = 60

/** Keep the last minute of each zone for its small chart. */
function remember(data) {
  for (const z of data.zones || []) {
    const list = live.sparks[z.zone] || (live.sparks[z.zone] = [])
    list.push(z.calls)
    if (list.length > SPARK_POINTS)
      list.shift()
  }
}

export class Stream {
  constructor(topic) {
    this.topic = topic
    this.source = null
    this.timer = 0
    this.wanted = false
    this.onVisible = () => this.visible()
  }

  start() {
    if (this.wanted)
      return
    this.wanted = true
    document.addEventListener('visibilitychange', this.onVisible)
    this.open()
  }

  stop() {
    this.wanted = false
    document.removeEventListener('visibilitychange', this.onVisible)
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
    s.addEventListener(this.topic, e => this.take(e))
    s.addEventListener('end', () => {
      this.close()
      session.expired = true
    })
    s.onerror = () => this.failed(s)
  }

  take(e) {
    const data = JSON.parse(e.data)
    seenHead(data)
    remember(data)
    live[this.topic] = data
    live.connected = true
    live.error = null
  }

  /* The browser itself tries again, except after an answer that is not a stream. */
  failed(s) {
    live.connected = false
    live.error = 'unreachable'
    if (s.readyState !== EventSource.CLOSED)
      return
    this.close()
    if (this.wanted)
      this.timer = setTimeout(() => this.open(), AGAIN_MS)
  }

  close() {
    clearTimeout(this.timer)
    if (this.source)
      this.source.close()
    this.source = null
    live.connected = false
  }
}

export const overviewStream = new Stream('overview')
export const wallStream = new Stream('wall')
