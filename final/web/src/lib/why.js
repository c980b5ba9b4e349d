// Why a request failed, in the language of the user; the words of the server follow a colon.
import { t, te } from './i18n.js'

export function whyFailed(e) {
  const code = typeof e === 'string' ? e : e.code ?? e.message
  const text = te('error.' + code) ? t('error.' + code) : t('error.other', { code, status: e.status ?? '' })
  return e.detail ? text + ' ' + t('error.detail', { detail: e.detail }) : text
}
