// Who is logged in.  The cookie is not visible to scripts; the csrf value comes with the answer.
import { reactive } from 'vue'
import { api } from './api.js'

export const session = reactive({
  asked: false, user: '', role: '', csrf: '', mustChange: false, expired: false
})

function take(json) {
  Object.assign(session, {
    asked: true, user: json.user, role: json.role, csrf: json.csrf,
    mustChange: json.must_change, expired: false
  })
}

export async function loadSession() {
  try {
    take(await api('GET', '/session'))
  } catch {
    Object.assign(session, { asked: true, expired: false })   // the login says what is wrong
  }
}

export async function login(user, password) {
  take(await api('POST', '/session', { user, password }))
}

export async function loginWall(token) {
  take(await api('POST', '/session/wall', { token }))
}

export async function logout() {
  await api('DELETE', '/session')
  Object.assign(session, { user: '', role: '', csrf: '', mustChange: false, expired: false })
}

export async function changePassword(old, fresh) {
  await api('PUT', '/session/password', { old, new: fresh })
  await loadSession()
}

export const mayOperate = () => session.role === 'operator' || session.role === 'admin'
export const mayAdminister = () => session.role === 'admin'
