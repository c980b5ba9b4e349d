// What is typed is kept; changes of many modules; the pages of administrators.
import { base, larsctl, logIn, nodes, panel, passwordOf, row, same, see, sql, stateOf, sure, test, unseen, until } from './harness.mjs'

const at = n => `127.0.1.${n}:${nodes + 100}`
const menu = (page, name) => page.getByRole('navigation', { name: 'Menu' }).getByRole('link', { name })
const dialog = page => page.getByRole('dialog')
const button = (where, name) => where.getByRole('button', { name, exact: true })
const weightOf = node => sql(`SELECT weight FROM RouteData WHERE CONCAT(INET_NTOA(serverip), ':', serverport) = '${node}'`)

async function editWeight(page, node, weight) {
  await page.getByLabel(`Choose ${node}`).check()
  await button(page, 'Weight').click()
  await dialog(page).getByLabel('Weight').fill(weight)
}

test('draft_after_reload', 'what was typed into a change is there again after a reload, and gone after the change', async t => {
  const node = at(41)
  await t.module('21/1', [`${node} a`, `${at(42)} a`], 0)
  const page = await t.open('operator', '/modules/21/1')
  await editWeight(page, node, '70')
  await page.reload()
  await see(dialog(page).getByText('What you typed before the page was loaded again is restored.'))
  same(await dialog(page).getByLabel('Weight').inputValue(), '70', 'the weight after a reload')
  await button(dialog(page), 'Check the effect').click()
  await dialog(page).getByLabel('Reason').fill('OPS-7')
  await page.reload()
  await button(dialog(page), 'Check the effect').click()
  same(await dialog(page).getByLabel('Reason').inputValue(), 'OPS-7', 'the reason after a reload')
  await button(dialog(page), 'Set the weight of 1 node').click()
  await until('the weight is set', async () => await weightOf(node) === '70')
  await see(dialog(page).getByText(/^Record \d+$/))
  await page.reload()
  await see(row(panel(page, 'Nodes'), node).getByText('70', { exact: true }))
  same(await dialog(page).count(), 0, 'dialogs after the change')
}, 'forms')

test('change_goes_on_after_login', 'a session that ends in a change is renewed in a dialog, and the change goes on', async t => {
  const node = at(43), password = await larsctl('user', 'add', 'late', 'operator')
  await sql("UPDATE User SET must_change = 0 WHERE name = 'late'")
  await t.module('21/2', [`${node} a`, `${at(44)} a`], 0)
  const page = await t.open('', '/modules/21/2')
  await logIn(page, 'late', password)
  await editWeight(page, node, '60')
  await button(dialog(page), 'Check the effect').click()
  await dialog(page).getByLabel('Reason').fill('OPS-8')
  await sql("DELETE FROM Session WHERE user = 'late'")
  const login = page.getByRole('dialog', { name: 'Log in' })
  await see(login.getByText('The session has ended.'))
  await page.route('**/api/v1/changes', r => r.fulfill({ status: 401, contentType: 'application/problem+json', body: '{"status":401,"code":"no_session"}' }), { times: 1 })
  await login.getByLabel('Password').fill(password)
  await button(login, 'Log in').click()
  await unseen(login)
  await button(dialog(page), 'Set the weight of 1 node').click()          // refused once more
  await login.getByLabel('Password').fill(password)
  await button(login, 'Log in').click()
  await until('the weight is set', async () => await weightOf(node) === '60')
  await see(dialog(page).getByText(/^Record \d+$/))
}, 'forms')

test('batch_of_modules', 'a host is drained in 50 modules by one change, and the old values are set again', async t => {
  const drained = () => sql("SELECT COUNT(*) FROM RouteData WHERE modid = 31 AND state = 'drained'")
  const values = Array.from({ length: 50 }, (_, i) => [45, 46].map(n => `(31,${i + 1},INET_ATON('127.0.1.${n}'),${nodes + 100},'a')`)).flat()
  await sql(`INSERT INTO RouteData (modid, cmdid, serverip, serverport, zone) VALUES ${values}`)
  t.after(() => sql('SET @lars_confirmed = 1; DELETE FROM RouteData WHERE modid = 31'))
  const page = await t.open('operator', '/modules?q=127.0.1.45')
  await see(page.getByRole('link', { name: '31/50' }))
  await page.getByLabel('Choose all modules of this page').check()
  await see(page.getByText('50 chosen'))
  same(await page.getByLabel('Host or node address').inputValue(), '127.0.1.45', 'the address that was searched for')
  await button(page, 'Drain').click()
  await see(dialog(page).getByText('50 modules: nodes in 100 → 50; 0 of them with a warning'))
  await dialog(page).getByLabel('Reason').fill('rack 7')
  await dialog(page).getByLabel('Type 31/1 to confirm').fill('31/1')
  await button(dialog(page), 'Drain 50 nodes of 50 modules').click()
  await until('50 nodes are drained', async () => await drained() === '50')
  same(await sql("SELECT COUNT(*) FROM Audit WHERE reason = 'rack 7' AND result = 'done'"), '1', 'records of the change')
  await dialog(page).getByText(/^Record \d+$/).click()
  await see(panel(page, 'In force now'))
  await button(page, 'Set the old values…').click()
  await dialog(page).getByLabel('Reason').fill('rack 7 is back')
  await dialog(page).getByRole('button', { name: /^Set the old values of change/ }).click()
  await until('no node is drained', async () => await drained() === '0')
}, 'forms')

test('asked_row_stays_asked', 'the question before the end of sessions stays with its user when the list is in another order', async t => {
  const of = user => ({ user, peer: '127.0.0.9', role: 'viewer', seen: 1, until: 2000000000 })
  const page = await t.window({ storageState: await stateOf('admin') })
  let items = ['first', 'second'].map(of), ended = [], gate = null, held = 0, release
  await page.clock.install()
  await page.route('**/api/v1/sessions*', async r => {
    if (gate) {
      held++
      await gate
    }
    await r.fulfill({ status: 200, contentType: 'application/json', body: JSON.stringify({ items }) })
  })
  await page.route('**/api/v1/sessions/*', r => { ended.push(new URL(r.request().url()).pathname.split('/').pop()); return r.fulfill({ status: 204 }) })
  await page.goto(base + '/#/about')
  const list = panel(page, 'Sessions'), names = async () => (await list.getByRole('row').allInnerTexts()).map(x => x.split(/\s/)[0]).slice(1).join()
  await until('two sessions', async () => await names() === 'first,second')
  gate = new Promise(done => { release = done })
  await page.clock.fastForward(10000)                      // the list is asked for every 10 s
  await until('the list is asked for', () => held)
  await page.clock.pauseAt(await page.evaluate(() => Date.now()) + 5000)    // the question, which lasts 5 s, stays
  await button(row(list, 'first'), 'End sessions').click()
  await see(button(row(list, 'first'), 'Confirm: End sessions'))
  items = ['third', 'second', 'first'].map(of)
  release()
  await until('the list in another order', async () => await names() === 'third,second,first')
  for (const user of ['third', 'second'])
    same(await row(list, user).getByRole('button').innerText(), 'End sessions', `button of ${user}`)
  await button(row(list, 'first'), 'Confirm: End sessions').click()
  await until('the end of sessions', () => ended.length)
  same(ended, ['first'], 'users whose sessions were ended')
}, 'forms')

test('answer_from_before_login', 'an answer for the session before the login does not ask for the login again', async t => {
  const page = await t.open('operator', '/modules')
  const login = page.getByRole('dialog', { name: 'Log in' }), no = { status: 401, contentType: 'application/problem+json', body: '{"status":401,"code":"no_session"}' }
  let release, answered, held = 0
  const late = new Promise(done => { release = done }), all = new Promise(done => { answered = done })
  const password = await passwordOf('operator')
  await page.route('**/api/v1/modules?*', async r => { held++; await late; await r.fulfill(no).catch(() => {}).finally(answered) })
  await page.getByRole('searchbox', { name: 'Number, name or node', exact: true }).fill('127.0.1.1')
  await until('a request that waits', () => held)
  await page.route('**/api/v1/services', r => r.fulfill(no))
  await menu(page, 'Services').click()
  await see(login.getByText('The session has ended.'))
  await page.unroute('**/api/v1/services')
  await login.getByLabel('Password').fill(password)
  await button(login, 'Log in').click()
  await unseen(login)
  release()
  await all
  await page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))))
  same(await login.count(), 0, 'logins after the late answer')
}, 'forms')

test('sessions_and_links', 'an administrator ends sessions and makes links of the wall; others see why they cannot', async t => {
  const password = await larsctl('user', 'add', 'leaver', 'viewer')
  await sql("UPDATE User SET must_change = 0 WHERE name = 'leaver'")
  const other = await t.open('', '/about')
  await logIn(other, 'leaver', password)
  await see(panel(other, 'Sessions').getByText('This needs the role admin'))
  const page = await t.open('admin', '/about')
  const line = row(panel(page, 'Sessions'), 'leaver')
  await see(line.getByText('127.0.0.1'))
  await sure(line, 'End sessions')
  await unseen(line)
  await see(other.getByRole('dialog', { name: 'Log in' }))
  await button(page, 'Create a link').click()
  const link = await page.getByLabel('Link', { exact: true }).inputValue()
  same(link.startsWith(base + '/#/wall?token='), true, 'the link has the address of the console')
  const wall = await t.open('', link.slice(link.indexOf('#') + 1))
  await see(wall.getByText('% well'))
  await see(row(panel(page, 'Links of wall displays'), 'the-admin'))
  await sure(page, 'Delete all')
  await see(panel(page, 'Links of wall displays').getByText('No link is valid.'))
}, 'forms')
