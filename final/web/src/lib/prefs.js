// What a user chooses for the own browser: language, theme, time zone.
import { reactive, watch } from 'vue'

const ask = (key, allowed, other) => {
  const v = localStorage.getItem('lars.' + key)
  return allowed.includes(v) ? v : other
}
const browserLanguage = (navigator.language || 'zh-CN').toLowerCase().startsWith('zh') ? 'zh-CN' : 'en'

export const LANGUAGES = ['zh-CN', 'en']
export const THEMES = ['auto', 'light', 'dark']
export const ZONES = ['local', 'Asia/Shanghai', 'UTC']

export const prefs = reactive({
  language: ask('language', LANGUAGES, browserLanguage),
  theme: ask('theme', THEMES, 'auto'),
  zone: ask('zone', ZONES, 'local')
})

const systemDark = window.matchMedia('(prefers-color-scheme: dark)')

export function applyTheme() {
  const dark = prefs.theme === 'dark' || (prefs.theme === 'auto' && systemDark.matches)
  document.documentElement.classList.toggle('dark', dark)
  document.documentElement.lang = prefs.language
}

systemDark.addEventListener('change', applyTheme)
watch(prefs, () => {
  for (const [k, v] of Object.entries(prefs))
    localStorage.setItem('lars.' + k, v)
  applyTheme()
})
