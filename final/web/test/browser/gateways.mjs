// The page of the gateways, and what the overview says of them.
import { readFileSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import { look } from './examine.mjs'
import { holds, larsctl, panel, pid, row, run, same, see, sql, test, unseen, until } from './harness.mjs'

const port = process.env.LARS_GATEWAY, ZONES = { a: '127.0.0.1:' + port, b: '127.0.0.2:' + port }
const MODULE = '14/1', rules = join(run, 'rules.ini')

/* The number under a term of a card, 0 for "–". */
const figure = async (card, term) => Number((await card.getByRole('term').filter({ hasText: new RegExp(`^${term}$`) })
  .locator('xpath=following-sibling::dd[1]').innerText()).match(/^[\d,.]+/)?.[0].replaceAll(',', '') || 0)

/* One visitor, who comes by a connection of its own.  Gives the status; 0: none. */
const visit = at => new Promise(done => get(`http://${at}/slow/`, { agent: false, timeout: 20000 }, r => r.resume().on('end', () => done(r.statusCode))
  .on('error', () => done(0))).on('error', () => done(0)))

/* Both gateways send their visitors to MODULE, which has one node; SIGHUP reads the rules. */
async function forward(t, ...options) {
  const before = readFileSync(rules, 'utf8'), node = `127.0.3.1:${port}`
  const reload = text => {
    writeFileSync(rules, text)
    for (const zone of Object.keys(ZONES))
      process.kill(pid('lars-gateway-' + zone), 'SIGHUP')
  }
  t.start('http_node', ...options, node)
  await t.module(MODULE, [`${node} a`], 0)
  reload(`[rule slow]\npath = /slow/\nmodule = ${MODULE}\ncache_ms = 0\n` + before)
  t.after(async () => reload(before))
  await until('a response of the node by each gateway', async () => (await Promise.all(Object.values(ZONES).map(at => visit(at)))).every(s => s === 200))
}

test('gateways_figures', 'the page shows both gateways of the system, and requests change their figures', async t => {
  const page = await t.open('viewer', '/gateways'), cards = Object.values(ZONES).map(at => panel(page, at))
  for (const card of cards)
    await see(card.getByText('ready', { exact: true }))
  await see(cards[0].getByText('Zone a', { exact: true }))
  await see(cards[1].getByText('Zone b', { exact: true }))
  await forward(t)
  await see(row(cards[0], MODULE).getByRole('button', { name: 'normal' }))
  await until('requests a second that a node has answered', async () => {
    await Promise.all(Array.from({ length: 20 }, () => visit(ZONES.a)))
    return await figure(cards[0], 'Node') > 1 && await figure(cards[0], 'Requests/s') > 1
  })
  holds(await figure(cards[1], 'Requests/s') < await figure(cards[0], 'Requests/s'), 'the other gateway has its own figures')
  await until('no request any more', async () => await figure(cards[0], 'Requests/s') === 0)
})

for (const [name, locale, colorScheme, word] of [['zh_light', 'zh-CN', 'light', '就绪'], ['en_dark', 'en', 'dark', 'ready']])
  test(`gateways_${name}`, 'axe-core finds no violation on the page of the gateways, and 360 px show it as a whole', async t => {
    const page = await t.open('viewer', '/gateways', { locale, colorScheme })
    for (const at of Object.values(ZONES))
      await see(panel(page, at).getByText(word, { exact: true }))
    await page.getByRole('button').filter({ hasText: /●/ }).first().focus()
    await see(page.getByRole('tooltip'))
    await look(page, '/gateways')
  })

const ADMIN = `127.0.0.2:${Number(process.env.LARS_HTTP) + 6}`

test('gateway_drain', 'an operator drains the only gateway of a zone by keyboard after typing its admin port, and lets it serve again', async t => {
  t.after(() => larsctl('gateway', 'undrain', ADMIN))
  const page = await t.open('operator', '/gateways'), card = panel(page, ZONES.b)
  await see(card.getByText('ready', { exact: true }))
  await card.getByRole('button', { name: 'Drain…' }).focus()
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog'), drain = dialog.getByRole('button', { name: 'Drain', exact: true })
  await see(dialog.getByText('No other gateway of the zone b serves.'))
  await see(dialog.getByText(/1 of 2 gateways serve afterwards/))
  await dialog.getByLabel('Reason').focus()
  await page.keyboard.type('new kernel')
  holds(await drain.isDisabled(), 'the admin port must be typed')
  await dialog.getByLabel(ADMIN).focus()
  await page.keyboard.type(ADMIN)
  await page.keyboard.press('Enter')
  await unseen(dialog)
  await see(card.getByText('draining', { exact: true }))
  await see(panel(page, ZONES.a).getByText('ready', { exact: true }))
  same(await sql(`SELECT CONCAT(actor, ':', via, ':', result) FROM Audit WHERE action = 'gateway drain' AND subject = 'gateway:${ADMIN}' AND reason = 'new kernel'`), 'the-operator:console:done', 'the audit')
  await card.getByRole('button', { name: 'Serve again…' }).click()
  await dialog.getByLabel('Reason').fill('it has booted')
  await dialog.getByRole('button', { name: 'Serve again', exact: true }).click()
  await unseen(dialog)
  await see(card.getByText('ready', { exact: true }))
  const changes = await t.open('viewer', '/changes')
  await see(row(changes, 'gateway serves again').getByText(`gateway:${ADMIN}`))
})

test('gateway_drain_refused', 'a viewer cannot drain; what the server refuses is said in the dialog, which keeps what was typed', async t => {
  const viewer = await t.open('viewer', '/gateways')
  await see(panel(viewer, ZONES.a).getByText('ready', { exact: true }))
  holds(await panel(viewer, ZONES.a).getByRole('button', { name: 'Drain…' }).isDisabled(), 'a viewer cannot drain a gateway')
  const page = await t.open('operator', '/gateways')
  await page.route('**/drain', r => r.fulfill({ status: 502, contentType: 'application/problem+json', body: '{"status":502,"code":"gateway_failed","detail":"its clock is wrong"}' }))
  await panel(page, ZONES.b).getByRole('button', { name: 'Drain…' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Reason').fill('new kernel')
  await dialog.getByLabel(ADMIN).fill(ADMIN)
  await dialog.getByRole('button', { name: 'Drain', exact: true }).click()
  await see(dialog.getByRole('alert').getByText(/has not obeyed.*its clock is wrong/))
  same(await dialog.getByLabel('Reason').inputValue(), 'new kernel', 'the reason')
})

test('gateway_no_key', 'without the key of the gateways there is no button, and the page says what to set', async t => {
  const page = await t.open('operator', '/about')
  await page.route('**/api/v1/gateways', async r => {
    const answer = await r.fetch()
    await r.fulfill({ response: answer, json: { ...await answer.json(), commands: false } })
  })
  await page.getByRole('link', { name: 'Gateways' }).click()
  await see(page.getByText(/\[gateways\] key_file of lars-console\.ini/))
  same(await page.getByRole('button', { name: 'Drain…' }).count(), 0, 'buttons')
})

for (const [name, locale, colorScheme, more] of [['zh_light', 'zh-CN', 'light', '排空…'], ['en_dark', 'en', 'dark', 'Drain…']])
  test(`gateway_drain_${name}`, 'axe-core finds no violation in the dialog of a drain, and 360 px show it as a whole', async t => {
    const page = await t.open('operator', '/gateways', { locale, colorScheme })
    await panel(page, ZONES.b).getByRole('button', { name: more }).click()
    await see(page.getByRole('dialog'))
    await look(page, 'the dialog')
  })

test('gateway_killed', 'a gateway that was killed is shown as not reachable, with the time and what to do; then it comes back', async t => {
  const page = await t.open('viewer', '/gateways'), home = await t.open('viewer', '/'), card = panel(page, ZONES.b)
  await see(card.getByText('ready', { exact: true }))
  await unseen(home.getByText('1 of 2 not reachable'))
  const restart = t.kill('lars-gateway-b', 'lars-gateway', '-c', join(run, 'gateway-b.ini'))
  await see(card.getByText('not reachable', { exact: true }))
  await see(card.getByText(/^since \d\d:\d\d:\d\d \(\d+ s\): connection refused$/))
  await see(card.getByText(/its \[admin\] listen is 127\.0\.0\.2:\d+/))
  await see(card.getByText(/^◌ \d+ s old$/))
  await see(panel(page, ZONES.a).getByText('ready', { exact: true }))
  await see(home.getByText('1 of 2 not reachable'))
  await unseen(home.getByText('All is well.'))
  restart()
  await see(card.getByText('ready', { exact: true }))
  await until('it has been up for seconds', async () => await figure(card, 'Up for') < 60)
  await unseen(card.getByText(/not reachable|since .* connection refused/))
  await unseen(home.getByText('1 of 2 not reachable'))
  await home.getByRole('navigation', { name: 'Menu' }).getByRole('link', { name: 'Gateways' }).click()
  await see(home.getByRole('heading', { name: /^Gateways/ }))
})

test('gateway_overload', 'with more visitors than its node can serve a module waits, which is explained, and the overview says so', async t => {
  const page = await t.open('viewer', '/gateways'), home = await t.open('viewer', '/'), card = panel(page, ZONES.a), line = row(card, MODULE)
  await forward(t, '--workers', '32', '--delay-ms', '400')
  let crowd = true
  const visitor = async () => {
    while (crowd)
      await visit(ZONES.a)
  }
  const all = Array.from({ length: 150 }, visitor)
  t.after(async () => {
    crowd = false
    await Promise.all(all)
  })
  const chip = line.getByRole('button', { name: /^(waiting|shedding)$/ })
  await see(chip)
  await until('new visitors are refused', async () => await figure(card, 'Waiting page') > 0)
  await chip.hover()
  await see(page.getByRole('tooltip').getByText(/waiting page|refused too/))
  await page.mouse.move(1, 1)
  await unseen(page.getByRole('tooltip'))
  await line.getByRole('button').focus()
  await see(page.getByRole('tooltip'))
  await page.keyboard.press('Escape')
  await unseen(page.getByRole('tooltip'))
  await see(home.getByText(/(waiting|shedding|queueing) at 1 of 2/))
  crowd = false
  await see(line.getByRole('button', { name: 'normal' }))
  await unseen(home.getByText(/(waiting|shedding|queueing) at 1 of 2/))
})
