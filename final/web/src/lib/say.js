// One polite live region for the whole page: what happened, for screen readers and as a line.
import { reactive } from 'vue'

export const said = reactive({ text: '', kind: 'ok' })
let timer = 0

export function say(text, kind = 'ok') {
  clearTimeout(timer)
  said.text = text
  said.kind = kind
  timer = setTimeout(() => { said.text = '' }, 6000)
}
