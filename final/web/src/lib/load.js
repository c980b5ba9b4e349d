// Data of a panel: loading, empty, error or stale.  The last data stays when a reload fails.
import { onUnmounted, reactive, watch } from 'vue'
import { get } from './api.js'
import { session } from './session.js'

/** path() gives what to load, null for nothing; every <everyMs>, a number or a function, again
 *  while the tab is seen. */
export function useLoad(path, everyMs = 0) {
  const every = () => (typeof everyMs === 'function' ? everyMs() : everyMs)
  const state = reactive({ data: null, error: null, loading: true, at: 0 })
  let timer = 0, run = 0, gone = false

  async function load() {
    const mine = ++run, p = path()
    clearTimeout(timer)
    if (p === null)
      return
    state.loading = true
    try {
      const data = await get(p)
      if (mine === run)
        Object.assign(state, { data, error: null, at: Date.now() })
    } catch (e) {
      if (mine === run)
        state.error = e
    }
    if (mine !== run)
      return
    state.loading = false
    if (every() && !gone)
      timer = setTimeout(next, every())
  }

  function next() {
    if (document.hidden || session.expired)
      timer = setTimeout(next, every())
    else
      load()
  }

  watch(path, (p, old) => {
    if (p === old)
      return
    state.data = old && p && p.split('?')[0] === old.split('?')[0] ? state.data : null
    load()
  })
  watch(() => session.expired, ended => ended || load())
  onUnmounted(() => {
    gone = true
    run++
    clearTimeout(timer)
  })
  load()
  state.reload = load
  return state
}
