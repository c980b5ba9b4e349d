// Who uses the pages in another way: with a screen reader, on a phone or by keyboard only.
//
// Each page is examined, and each dialog opened, because what is not shown is not examined.
import { readFileSync } from 'node:fs'
import { base, larsctl, pid, same, see, sql, test, unseen, until } from './harness.mjs'

const axe = readFileSync(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']
const PHONE = { width: 360, height: 740 }
const PAGES = ['/', '/modules', '/modules?q=nothing', '/modules/1/1', '/zones', '/alarms', '/alarms/1',
               '/changes', '/changes/1', '/services', '/history?module=1/1', '/about', '/wall']
const node = n => `127.0.11.${n}:${process.env.LARS_NODES}`
let added = 1                         // nodes of module 11/1

/* The texts of a language, by their keys. */
function texts(language) {
  const all = JSON.parse(readFileSync(new URL(`../../src/locales/${language}.json`, import.meta.url), 'utf8'))
  return key => key.split('.').reduce((part, name) => part[name], all)
}

/* A node has ended, so there is an alarm; another kind of alarm is silenced. */
async function trouble() {
  if (await sql('SELECT COUNT(*) FROM Alarm') === '0' && await sql('SELECT COUNT(*) FROM AlarmSilence') === '0') {
    process.kill(pid('node-1.2'), 'SIGKILL')
    await larsctl('route', 'add', '11', '1', node(1), 'zone=a')
    await larsctl('alarm', 'silence', 'routes_stale', '30', 'the room is being rebuilt this week')
  }
  await until('an open alarm', async () => await sql('SELECT COUNT(*) FROM Alarm WHERE cleared_at IS NULL') !== '0')
}

/* A page has all its panels: none is loading. */
const loaded = page => until('a page without a panel that loads', () => page.evaluate(() =>
  document.querySelector('h1') && !document.querySelector('[aria-busy=true]')))

async function go(page, path) {
  await page.goto('about:blank')
  await page.goto(base + '/#' + path)
  await loaded(page)
}

/* A dialog is there when it has stopped moving. */
const still = page => until('a dialog that stands still', () => page.evaluate(() =>
  document.getAnimations().every(a => a.playState !== 'running' || a.effect.getComputedTiming().iterations === Infinity)))

const look = (work, page, what) => still(page).then(() => work(page, what))

async function pages(t, language, options, work) {
  const w = texts(language), window = { locale: language, ...options }
  await trouble()
  const out = await t.open('', '/', window)
  await see(out.getByLabel(w('login.user')))
  await look(work, out, 'the login')
  const page = await t.open('admin', '/', window)
  for (const path of PAGES) {
    await go(page, path)
    await look(work, page, path)
  }
}

async function dialogs(t, language, options, work) {
  const w = texts(language), page = await t.open('admin', '/', { locale: language, ...options })
  const button = key => page.getByRole('button', { name: w(key), exact: true })
  await trouble()

  await go(page, '/modules/11/1')
  await button('chart.as_table').click()
  await page.getByRole('checkbox', { name: w('node.choose_all') }).check()
  await look(work, page, 'a table instead of a chart, and chosen nodes')
  await page.getByRole('button', { name: w('act.add') }).click()
  await see(page.getByLabel(w('field.node')))
  await look(work, page, 'a change, edited')
  await page.getByLabel(w('field.node')).fill(node(++added))
  await button('change.next').click()
  await see(page.getByLabel(w('change.reason')))
  await look(work, page, 'a change, checked')
  await page.getByLabel(w('change.reason')).fill('more calls are expected')
  await page.keyboard.press('Enter')
  await see(button('change.close'))
  await look(work, page, 'a change, in force')
  await button('change.close').click()

  await go(page, '/zones')
  await page.getByRole('row', { name: /^a / }).getByRole('button', { name: w('zones.drain'), exact: true }).click()
  await see(page.getByLabel(w('change.reason')))
  await look(work, page, 'a zone that is drained')
  await page.keyboard.press('Escape')

  for (const act of ['alarm.ack', 'alarm.silence']) {
    await go(page, '/alarms')
    await button(act).first().click()
    await see(page.getByRole('dialog'))
    await look(work, page, act)
    await page.keyboard.press('Escape')
    await unseen(page.getByRole('dialog'))
  }
  await page.context().clearCookies()
  await see(page.getByText(w('login.expired')))
  await look(work, page, 'the login over a page')
}

async function accessible(page, what) {
  await page.evaluate(axe)
  const found = await page.evaluate(rules => window.axe.run(document, { runOnly: rules }), RULES)
  same(found.violations.map(v => `${v.id}: ${v.nodes.map(n => n.target.join(' ')).join(', ')}`), [], `violations on ${what}`)
}
const LIGHT = { colorScheme: 'light' }, DARK = { colorScheme: 'dark' }
test('axe_zh_light', 'in Chinese and light, axe-core finds no violation on any page', t => pages(t, 'zh-CN', LIGHT, accessible))
test('axe_zh_light_dialogs', 'in Chinese and light, axe-core finds no violation in any dialog', t => dialogs(t, 'zh-CN', LIGHT, accessible))
test('axe_en_dark', 'in English and dark, axe-core finds no violation on any page', t => pages(t, 'en', DARK, accessible))
test('axe_en_dark_dialogs', 'in English and dark, axe-core finds no violation in any dialog', t => dialogs(t, 'en', DARK, accessible))

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

for (const language of ['zh-CN', 'en']) {
  test(`phone_360px_${language}`, '360 px show each page as a whole, without a horizontal scroll', t => pages(t, language, { viewport: PHONE }, whole))
  test(`phone_360px_${language}_dialogs`, '360 px show each dialog as a whole, without a horizontal scroll', t => dialogs(t, language, { viewport: PHONE }, whole))
}
