// Who uses the pages in another way: with a screen reader, on a phone or by keyboard only.
//
// Each page is examined, and each dialog opened, because what is not shown is not examined.
import { readFileSync } from 'node:fs'
import { look } from './examine.mjs'
import { base, holds, larsctl, passwordOf, pid, same, see, sql, test, unseen, until } from './harness.mjs'

const PAGES = ['/', '/modules', '/modules?q=nothing', '/modules/1/1', '/zones', '/alarms', '/alarms/1',
               '/changes', '/changes/1', '/services', '/gateways', '/scaling', '/history?module=1/1', '/about', '/wall']
const node = n => `127.0.11.${n}:${process.env.LARS_NODES}`
let added = 1                         // nodes of module 11/1

/* The texts of a language, by their keys. */
function texts(language) {
  const all = JSON.parse(readFileSync(new URL(`../../src/locales/${language}.json`, import.meta.url), 'utf8'))
  return key => key.split('.').reduce((part, name) => part[name], all)
}

/* A node has ended, so there is an alarm; another kind of alarm is silenced. */
async function makeTrouble() {
  process.kill(pid('node-1.2'), 'SIGKILL')
  await larsctl('route', 'add', '11', '1', node(1), 'zone=a')
  await larsctl('alarm', 'silence', 'routes_stale', '30', 'the room is being rebuilt this week')
  await until('an open alarm', async () => await sql('SELECT COUNT(*) FROM Alarm WHERE cleared_at IS NULL') !== '0')
}
let made = null
const trouble = () => (made ??= makeTrouble())

/* A page has all its panels: none is loading. */
const loaded = page => until('a page without a panel that loads', () => page.evaluate(() =>
  document.querySelector('h1') && !document.querySelector('[aria-busy=true]')))

async function go(page, path) {
  await page.goto('about:blank')
  await page.goto(base + '/#' + path)
  await loaded(page)
}

async function pages(t, language, options) {
  const w = texts(language), window = { locale: language, ...options }
  await trouble()
  const out = await t.open('', '/', window)
  await see(out.getByLabel(w('login.user')))
  await look(out, 'the login')
  const page = await t.open('admin', '/', window)
  for (const path of PAGES) {
    await go(page, path)
    await look(page, path)
  }
}

async function dialogs(t, language, options) {
  const w = texts(language), page = await t.open('admin', '/', { locale: language, ...options })
  const button = key => page.getByRole('button', { name: w(key), exact: true })
  await trouble()

  await go(page, '/modules/11/1')
  await button('chart.as_table').click()
  await page.getByRole('checkbox', { name: w('node.choose_all') }).check()
  await look(page, 'a table instead of a chart, and chosen nodes')
  await page.getByRole('button', { name: w('act.add') }).click()
  await see(page.getByLabel(w('field.node')))
  await look(page, 'a change, edited')
  await page.getByLabel(w('field.node')).fill(node(++added))
  await button('change.next').click()
  await see(page.getByLabel(w('change.reason')))
  await look(page, 'a change, checked')
  await page.getByLabel(w('change.reason')).fill('more calls are expected')
  await page.keyboard.press('Enter')
  await see(button('change.close'))
  await look(page, 'a change, in force')
  await button('change.close').click()

  await go(page, '/zones')
  await page.getByRole('row', { name: /^a / }).getByRole('button', { name: w('zones.drain'), exact: true }).click()
  await see(page.getByLabel(w('change.reason')))
  await look(page, 'a zone that is drained')
  await page.keyboard.press('Escape')

  for (const act of ['alarm.ack', 'alarm.silence']) {
    await go(page, '/alarms')
    await button(act).first().click()
    await see(page.getByRole('dialog'))
    await look(page, act)
    await page.keyboard.press('Escape')
    await unseen(page.getByRole('dialog'))
  }
  await page.context().clearCookies()
  await see(page.getByText(w('login.expired')))
  await look(page, 'the login over a page')
}

/* Where the focus is: its name, and whether a person sees it.  The ring of a field with a frame
 * is that of the frame. */
const focused = page => page.evaluate(() => {
  const e = document.activeElement, r = e.getBoundingClientRect()
  const ring = x => { const c = getComputedStyle(x); return c.outlineStyle !== 'none' && parseFloat(c.outlineWidth) >= 2 }
  const text = e.getAttribute('aria-label') || e.labels?.[0]?.innerText || e.innerText || ''
  return { lost: e === document.body, name: text.trim().split('\n')[0] || e.tagName, tag: e.tagName, disabled: e.matches(':disabled'),
           inside: e.closest('[role=dialog]') !== null,
           seen: (ring(e) || ring(e.parentElement)) && r.width > 1 && r.height > 1 && r.right > 0 && r.bottom > 0 && r.left < innerWidth && r.top < innerHeight }
})

/* The focus comes to <name>, and a person sees it there. */
async function comesTo(page, name, after, tag = '') {
  await until(`after ${after} the focus is on ${name}`, async () => {
    const f = await focused(page)
    holds(f.seen && !f.disabled && (!tag || f.tag === tag) && (typeof name === 'string' ? f.name === name : name.test(f.name)), `seen on it, and not ${JSON.stringify(f)}`)
    return true
  })
}

/* Tab until the focus is on <name>; a person sees each stop on the way. */
async function tabTo(page, name, where = f => f) {
  const way = []
  for (let i = 0; i < 90; i++) {
    const f = await focused(page)
    if (!f.lost || i > 0 && !way.includes('')) {
      holds(f.lost || f.seen && !f.disabled, `a person sees the focus on ${JSON.stringify(f)}`)
      where(f)
    }
    if (f.name === name)
      return way
    way.push(f.lost ? '' : f.name)
    await page.keyboard.press('Tab')
  }
  throw new Error(`Tab does not reach "${name}": ${way.join(', ')}`)
}
const within = f => holds(f.inside, `the dialog keeps the focus, and not ${JSON.stringify(f)}`)
const node11 = `127.0.1.1:${process.env.LARS_NODES}`

test('keyboard_change', 'a change from the login to its effect by keyboard only; the focus is seen and never lost', async t => {
  trouble().catch(() => {})             // has begun when the next tests need it, which report a fault of it
  const password = await passwordOf('operator'), page = await t.open('', '/modules/1/1'), key = k => page.keyboard.press(k)
  t.after(() => larsctl('route', 'set', '1', '1', node11, 'weight=100'))
  await comesTo(page, 'User', 'the login has opened')
  await page.keyboard.type('the-operator')
  await tabTo(page, 'Password')
  await page.keyboard.type('not the password')
  await tabTo(page, 'Log in')
  await key('Enter')
  await see(page.getByRole('alert'))
  await comesTo(page, 'Log in', 'a refused login')
  await key('Shift+Tab')
  await key('Control+A')
  await page.keyboard.type(password)
  await key('Enter')
  await comesTo(page, /^1\/1/, 'the login', 'H1')

  await see(page.getByRole('checkbox', { name: `Choose ${node11}` }))
  await tabTo(page, `Choose ${node11}`)
  await key('Space')
  await key('Shift+Tab')
  await key('Shift+Tab')
  await tabTo(page, `Choose ${node11}`)
  for (let i = 0; i < 20 && (await focused(page)).name !== 'Weight'; i++)
    await key('Shift+Tab')
  await comesTo(page, 'Weight', 'the way back to the buttons')
  await key('Enter')
  const dialog = page.getByRole('dialog')
  await see(dialog.getByLabel('Weight'))
  await until('the focus is in the dialog', async () => (await focused(page)).inside)
  await tabTo(page, 'Cancel', within)
  await key('Escape')
  await unseen(dialog)
  await comesTo(page, 'Weight', 'Escape')

  await key('Enter')
  await see(dialog.getByLabel('Weight'))
  await until('the focus is in the dialog', async () => (await focused(page)).inside)
  await tabTo(page, 'Check the effect', within)
  await key('Tab')
  await tabTo(page, 'Weight', within)
  await key('Control+A')
  await page.keyboard.type('90')
  await tabTo(page, 'Check the effect', within)
  await key('Space')
  await comesTo(page, 'Reason', 'the check')
  await page.keyboard.type('less for the old host')
  await tabTo(page, 'Set the weight of 1 node', within)
  await key('Enter')
  await see(dialog.getByText(/In force on \d\/\d agents/))
  await until('the focus is in the dialog', async () => (await focused(page)).inside)
  await tabTo(page, 'Close', within)
  await tabTo(page, 'Close', within)
  await key('Enter')
  await unseen(dialog)
  await until('the focus is on the page, not on a disabled button', async () => {
    const f = await focused(page)
    return f.seen && !f.disabled && await page.getByRole('button', { name: 'Weight', exact: true }).isDisabled()
  })
})

/* What a person who points can use on a page. */
const usable = page => page.evaluate(() => [...document.querySelectorAll('a[href], button, input, select, [tabindex="0"]')]
  .filter(e => e.tabIndex >= 0 && !e.disabled && e.checkVisibility({ visibilityProperty: true })).length)

test('keyboard_pages', 'the focus follows each change of page, and Tab reaches all that a pointer does', async t => {
  const page = await t.open('operator', '/'), key = k => page.keyboard.press(k)
  await loaded(page)
  await key('Tab')
  await comesTo(page, 'Skip to content', 'the first Tab')
  await key('Enter')
  same((await focused(page)).tag, 'MAIN', 'after the skip link, the focus is on')
  for (const name of ['Modules', 'Zones', 'Alarms', 'Changes', 'Services', 'Gateways', 'Scaling', 'About']) {
    await page.getByRole('navigation', { name: 'Menu' }).getByRole('link', { name: new RegExp('^' + name) }).focus()
    await key('Enter')
    await comesTo(page, new RegExp('^' + name), `the change of page to ${name}`, 'H1')
  }
  for (const path of ['/modules', '/modules/1/1']) {
    await go(page, path)
    const wanted = await usable(page), seen = new Set()
    await key('Tab')
    for (let f = await focused(page); !f.lost && seen.size < 200; f = await focused(page)) {
      holds(f.seen && !f.disabled, `a person sees the focus on ${JSON.stringify(f)}`)
      seen.add(await page.evaluate(() => [...document.querySelectorAll('*')].indexOf(document.activeElement)))
      await key('Tab')
    }
    holds(seen.size >= wanted, `Tab reaches ${seen.size} of the ${wanted} parts of ${path} that can be used`)
  }
})

for (const [name, language, colorScheme] of [['zh_light', 'zh-CN', 'light'], ['en_dark', 'en', 'dark']]) {
  test(`axe_phone_${name}`, 'axe-core finds no violation on any page, and 360 px show each as a whole', t => pages(t, language, { colorScheme }))
  test(`axe_phone_${name}_dialogs`, 'axe-core finds no violation in any dialog, and 360 px show each as a whole', t => dialogs(t, language, { colorScheme }))
}

test('keyboard_dialogs', 'each other dialog takes the focus and gives it back; after a logout it is on the login', async t => {
  await trouble()
  const page = await t.open('', '/alarms'), key = k => page.keyboard.press(k), dialog = page.getByRole('dialog')
  const password = await larsctl('user', 'add', 'keys', 'operator')
  await sql("UPDATE User SET must_change = 0 WHERE name = 'keys'")
  const enter = async () => {
    await page.keyboard.type(password)
    await key('Enter')
  }
  await comesTo(page, 'User', 'the login has opened')
  await page.keyboard.type('keys')
  await key('Tab')
  await enter()
  await comesTo(page, 'Alarms', 'the login', 'H1')
  for (const [act, field] of [['Silence', 'For'], ['Acknowledge', 'Note']]) {
    await see(page.getByRole('button', { name: act, exact: true }))
    await tabTo(page, act)
    await key('Enter')
    await see(dialog)
    await until('the focus is in the dialog', async () => (await focused(page)).inside)
    await tabTo(page, 'Cancel', within)
    await tabTo(page, field, within)
    await key('Escape')
    await unseen(dialog)
    await comesTo(page, act, `Escape in ${field}`)
  }
  await key('Enter')
  await tabTo(page, 'Note', within)
  await page.keyboard.type('seen from the keyboard')
  await key('Enter')
  await unseen(dialog)
  await see(page.getByText('acknowledged', { exact: true }))
  await until('the focus is on the page, not on a disabled button', async () => {
    const f = await focused(page)
    return f.seen && !f.disabled && !f.inside
  })

  await tabTo(page, 'Silence')
  await sql("DELETE FROM Session WHERE user = 'keys'")
  await comesTo(page, 'Password', 'the end of the session')
  await enter()
  await unseen(dialog)
  await comesTo(page, 'Silence', 'the login over the page')
  await page.getByRole('button', { name: 'Log out' }).focus()
  await key('Enter')
  await comesTo(page, 'User', 'the logout')
})
