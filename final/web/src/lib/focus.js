// Where the focus of the keyboard is.  It follows a change of page to the heading, and it is
// never lost: when the element that has it is removed, hidden or disabled, the nearest part
// around it takes its place until that element can be used again.  One observer does this for
// all pages, because each button that disables itself and each row that goes would need it.
import { nextTick } from 'vue'

const PARTS = '.el-dialog, section.panel, main'
let last = null, around = []          // the element that had the focus, and the parts around it
let place = null                      // the part that has it in place of <last>

const shown = e => e.isConnected && e.checkVisibility({ visibilityProperty: true })
const takes = e => shown(e) && !e.matches(':disabled')
const nowhere = () => !document.activeElement || document.activeElement === document.body

function put(e) {
  if (!e.hasAttribute('tabindex'))
    e.tabIndex = -1
  e.focus({ preventScroll: true })
}

/** The heading of the page, or its whole content. */
export function focusPage() {
  const e = document.querySelector('main h1') || document.querySelector('main')
  if (e)
    put(e)
}

/** After the page has changed as <change> says; an input may have its id a moment later. */
export async function focusLater(find) {
  await nextTick()
  await nextTick()
  find()?.focus()
}

function remember(e) {
  if (e.target === place)
    return
  place = null
  last = e.target
  around = []
  for (let p = last.parentElement?.closest(PARTS); p; p = p.parentElement?.closest(PARTS))
    around.push(p)
}

/* A click beside everything takes the focus away, as the user wants. */
function forget() {
  if (nowhere())
    last = place = null
}

function look() {
  if (place && place === document.activeElement && takes(last))
    return last.focus()
  if (!last || takes(last) || !nowhere() && takes(document.activeElement))
    return
  place = around.find(shown) || null
  if (place)
    put(place)
  else
    focusPage()
}

export function keepFocus(router) {
  document.addEventListener('focusin', remember)
  document.addEventListener('pointerup', forget)
  new MutationObserver(look).observe(document.body, {
    subtree: true, childList: true, attributeFilter: ['disabled', 'style', 'class', 'hidden']
  })
  router.afterEach(async (to, from) => {
    if (from.matched.length && to.path !== from.path && !to.meta.bare) {
      await nextTick()
      focusPage()
    }
  })
}
