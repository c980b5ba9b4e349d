// What is typed into a dialog is kept in the tab until it is sent or given up, so that
// neither a reload nor a failed save loses it.  A draft belongs to the user who typed it.
import { ref, watch } from 'vue'
import { session } from './session.js'

const key = name => 'lars/draft/' + name

export function keep(name, value) {
  try {
    sessionStorage.setItem(key(name), JSON.stringify({ user: session.user, value }))
  } catch {
    /* The storage is full or forbidden: the dialog itself still has the text. */
  }
}

export const drop = name => sessionStorage.removeItem(key(name))

/** What was kept by the same user, or null. */
export function kept(name) {
  try {
    const draft = JSON.parse(sessionStorage.getItem(key(name)))
    return draft && draft.user === session.user ? draft.value : null
  } catch {
    return null
  }
}

/** Returns again(error, run): when the error is the end of the session, <run> is called
 *  after the same user has logged in; <other> after any login. */
export function useAgain(other) {
  let what = null, who = ''
  watch(() => session.expired, ended => {
    const run = what
    if (ended)
      return
    what = null
    other()
    if (run && session.user === who)
      run()
  })
  return (e, run) => {
    if (e.status === 401)
      [what, who] = [run, session.user]
  }
}

/** The request of a dialog: { busy, error, send }.  send() calls <request>, which closes the
 *  dialog when it is done.  Its failure is in <error>; after the end of the session it is
 *  sent again when the same user has logged in. */
export function useSend(request) {
  const busy = ref(false), error = ref(null)
  const again = useAgain(() => { error.value = null })
  async function send() {
    busy.value = true
    error.value = null
    try {
      await request()
    } catch (e) {
      error.value = e
      again(e, send)
    }
    busy.value = false
  }
  return { busy, error, send }
}
