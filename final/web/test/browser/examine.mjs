// A page as axe-core sees it, and as a phone shows it.
import { readFileSync } from 'node:fs'
import { same, until } from './harness.mjs'

const axe = readFileSync(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']
const PHONE = { width: 360, height: 740 }, DESK = { width: 1280, height: 900 }

/* A dialog is there when it has stopped moving, and a chart when it has its new width. */
const still = page => until('a page that stands still', () => page.evaluate(async () => {
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))
  return document.getAnimations().every(a => a.playState !== 'running' || a.effect.getComputedTiming().iterations === Infinity)
}))

/* <exceptions>: rules of axe-core that do not hold there, as its option `rules`. */
async function accessible(page, what, exceptions) {
  await page.evaluate(axe)
  const found = await page.evaluate(([runOnly, rules]) => window.axe.run(document, { runOnly, rules }), [RULES, exceptions])
  same(found.violations.map(v => `${v.id}: ${v.nodes.map(n => n.target.join(' ')).join(', ')}`), [], `violations on ${what}`)
}

/* What ends outside the window, and what shows less than it has.  A chart draws itself. */
function cut() {
  const found = [], wide = document.documentElement.scrollWidth
  const name = e => `${e.tagName.toLowerCase()} "${(e.innerText || '').slice(0, 40).replace(/\s+/g, ' ')}"`
  if (wide > innerWidth)
    found.push(`the page is ${wide} px wide`)
  for (const e of document.querySelectorAll('body *')) {
    const { width, right } = e.getBoundingClientRect()
    if (width <= 1 || !e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || e.closest('svg, [role=img]'))
      continue
    if (right > innerWidth + 1)
      found.push(`${name(e)} ends at ${Math.round(right)} px`)
    else if (e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 1 && getComputedStyle(e).overflowX !== 'visible' && !e.matches('input, select'))
      found.push(`${name(e)} shows ${e.clientWidth} of ${e.scrollWidth} px`)
  }
  return found
}
const whole = async (page, what) => same(await page.evaluate(cut), [], `cut off in 360 px on ${what}`)

/* Both at one visit, because it takes longer to load a page than to examine it. */
export async function look(page, what, exceptions = {}) {
  await still(page)
  await accessible(page, what, exceptions)
  await page.setViewportSize(PHONE)
  await still(page)
  await whole(page, what)
  await page.setViewportSize(DESK)
}
