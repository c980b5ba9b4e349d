import { watch } from 'vue'
import { createI18n } from 'vue-i18n'
import en from '../locales/en.json'
import zh from '../locales/zh-CN.json'
import { prefs } from './prefs.js'

export const i18n = createI18n({
  legacy: false, locale: prefs.language, fallbackLocale: 'en', messages: { 'zh-CN': zh, en }
})

watch(() => prefs.language, v => { i18n.global.locale.value = v })

export const t = (...args) => i18n.global.t(...args)
export const te = key => i18n.global.te(key) || i18n.global.te(key, 'en')

/** The words of a code that the server may know and this page not: then the code itself. */
export const word = (group, code) => {
  const key = group + '.' + String(code).replaceAll(' ', '_')
  return te(key) ? t(key) : String(code)
}
