// Numbers and times as texts.
import { prefs } from './prefs.js'
import { t } from './i18n.js'

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const exact = new Intl.NumberFormat('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })
const one = new Intl.NumberFormat('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 })

export function count(n) {
  if (n === null || n === undefined || Number.isNaN(n))
    return '–'
  if (Math.abs(n) >= 1e10)
    return one.format(n / 1e9) + ' G'
  return Math.abs(n) >= 1e7 ? one.format(n / 1e6) + ' M' : whole.format(n)
}

/** Bytes as MiB. */
export const mib = n => (n >= 10 * 1048576 ? whole : one).format(n / 1048576) + ' MiB'

/** Calls per second: small rates with a decimal, so that 0.4 is not shown as 0. */
export const rate = n => (n > 0 && n < 10 ? one.format(n) : count(n))

export const failedPercent = (calls, failed) => (calls > 0 ? exact.format(100 * failed / calls) : '–')
export const wellPercent = (calls, failed) => (calls > 0 ? exact.format(100 * (calls - failed) / calls) : '–')
export const percent = (part, all) => (all > 0 ? whole.format(100 * part / all) : '–')
export const ms = n => (n === null || n === undefined ? '–' : n < 10 ? one.format(n) : whole.format(n))

export const zoneName = () => (prefs.zone === 'local' ? undefined : prefs.zone)

const parts = (at, options) => new Intl.DateTimeFormat('en-GB', {
  timeZone: zoneName(), hourCycle: 'h23', ...options
}).format(at)

export const clock = at => parts(at, { hour: '2-digit', minute: '2-digit', second: '2-digit' })

/** Date and time; only the time when it is of today. */
export function when(at) {
  const day = x => new Intl.DateTimeFormat('sv-SE', { timeZone: zoneName() }).format(x)
  return day(at) === day(Date.now()) ? clock(at) : day(at) + ' ' + clock(at)
}

/** Date and time, always both. */
export const dateClock = at => new Intl.DateTimeFormat('sv-SE', { timeZone: zoneName() }).format(at) + ' ' + clock(at)

/** "UTC+8", of the zone in which times are shown. */
export function offset() {
  const p = new Intl.DateTimeFormat('en-US', { timeZone: zoneName(), timeZoneName: 'shortOffset' })
    .formatToParts(Date.now()).find(x => x.type === 'timeZoneName')
  return p ? p.value.replace('GMT', 'UTC') : 'UTC'
}

export function duration(ms_) {
  const s = Math.max(0, Math.round(ms_ / 1000))
  if (s < 60)
    return t('time.s', { n: s })
  if (s < 3600)
    return t('time.min', { n: Math.floor(s / 60) })
  if (s < 86400)
    return t('time.h', { n: Math.floor(s / 3600) })
  return t('time.d', { n: Math.floor(s / 86400) })
}

/** A number with two decimals at most. */
export const fine = n => String(Math.round(100 * n) / 100)
