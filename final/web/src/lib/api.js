// Requests to /api/v1.  An answer that is not a success becomes an ApiError whose code the
// pages translate; what the answer says besides is kept in it.
import { session } from './session.js'
import { seenHead } from './head.js'

export class ApiError extends Error {
  constructor(status, body) {
    super(body.code || String(status))
    this.status = status
    this.code = body.code || 'http'
    this.detail = body.detail || ''
    this.field = body.field || ''
    this.current = body.current || null
    this.retryAfter = body.retryAfter || 0
  }
}

const WAIT_MS = 15000

async function bodyOf(answer) {
  const text = await answer.text()
  try {
    return text ? JSON.parse(text) : {}
  } catch {
    return {}
  }
}

export async function api(method, path, body) {
  const stop = new AbortController(), of = session.csrf
  const timer = setTimeout(() => stop.abort(), WAIT_MS)
  const headers = {}
  if (method !== 'GET') {
    headers['Content-Type'] = 'application/json'
    if (session.csrf)
      headers['X-Lars-CSRF'] = session.csrf
  }
  let answer, json
  try {
    answer = await fetch('/api/v1' + path, {
      method, headers, signal: stop.signal, credentials: 'same-origin', cache: 'no-store',
      body: method === 'GET' ? undefined : JSON.stringify(body ?? {})
    })
    json = await bodyOf(answer)
  } catch {
    throw new ApiError(0, { code: 'unreachable' })
  } finally {
    clearTimeout(timer)
  }
  if (answer.ok) {
    seenHead(json)
    return json
  }
  json.retryAfter = Number(answer.headers.get('Retry-After')) || 0
  /* An answer to a request from before the last login says nothing of the session of now. */
  if (answer.status === 401 && json.code !== 'wrong_login' && session.csrf === of)
    session.expired = true
  if (json.code === 'must_change')
    session.mustChange = true
  throw new ApiError(answer.status, json)
}

export const get = path => api('GET', path)

/** "?a=1&b=2" of the members that are not empty. */
export function query(values) {
  const q = new URLSearchParams()
  for (const [k, v] of Object.entries(values))
    if (v !== '' && v !== null && v !== undefined)
      q.set(k, v)
  const text = q.toString()
  return text ? '?' + text : ''
}
