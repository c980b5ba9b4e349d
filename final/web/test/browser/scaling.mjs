// The page Scaling, with rows of the autoscaler's tables; the system of these tests runs none.
import { look } from './examine.mjs'
import { holds, panel, row, same, see, sql, sure, test, unseen, until } from './harness.mjs'

const HEAD = 'INSERT INTO ScaleDecision (at, modid, cmdid, demand, refused, load_nodes, zones, up, need, plan, was, wanted, rule, note) VALUES '
const decision = (ago, rest) => sql(`${HEAD}(NOW(3) - INTERVAL ${ago} SECOND, 15, 1, ${rest})`)

/* Module 15/1 is scaled: two nodes are up, four are wanted; a host of each zone has slots. */
async function scaled(t) {
  await t.module('15/1', ['127.0.15.1:81 a', '127.0.15.2:81 b'], 0)
  t.after(() => sql(`DELETE FROM ScalePolicy WHERE modid = 15; DELETE FROM ScalePlan WHERE modid = 15; DELETE FROM ScaleDecision WHERE modid = 15;
    DELETE FROM ScaleWanted WHERE modid = 15; DELETE FROM ScaleSlot WHERE modid = 15; DELETE FROM ScaleHost WHERE host IN ('room-a', 'room-b'); DELETE FROM Capacity WHERE modid = 15; DELETE FROM Freeze`))
  await sql(`INSERT INTO ScalePolicy (modid, cmdid, min_zone, max_zone) VALUES (15, 1, 1, 8)`)
  await sql(`INSERT INTO ScaleHost (host, zone, address, slots, seen_at) VALUES ('room-a', 'a', '127.0.15.1', 4, NOW(3) + INTERVAL 1 HOUR), ('room-b', 'b', '127.0.15.2', 4, NOW(3) - INTERVAL 1 HOUR)`)
  await sql(`INSERT INTO ScaleWanted (host, slot, modid, cmdid, fence) VALUES ('room-a', 1, 15, 1, 1), ('room-a', 2, 15, 1, 1)`)
  await sql(`INSERT INTO ScaleSlot (host, slot, modid, cmdid, port, state, note) VALUES ('room-a', 1, 15, 1, 81, 'ready', ''), ('room-a', 3, 15, 1, 83, 'failed', 'exit status 1')`)
  await sql(`INSERT INTO Capacity (modid, cmdid, rps, inflight, p99_us, target_us) VALUES (15, 1, 240, 16, 90000, 200000)`)
  await decision(600, `40, 0, 0.5, 2, 2, 1, 1, 1, 1, 'keep', ''`)
  await decision(20, `812, 31, 4.5, 2, 2, 4, 1, 1, 4, 'urgent', 'nothing goes down: alarm open'`)
}
const plans = () => sql('SELECT COUNT(*) FROM ScalePlan WHERE modid = 15')

test('scaling_shows', 'the page shows what is wanted, what runs in each zone and slot, and why', async t => {
  await scaled(t)
  const page = await t.open('viewer', '/scaling?module=15/1'), line = row(panel(page, 'Modules'), '15/1')
  await see(line.getByRole('cell', { name: '4', exact: true }))
  await see(line.getByText('From 1 to 4 at once: the nodes that run cannot carry the last seconds.'))
  await see(line.getByText('Nothing goes down: an alarm of the module is open.'))
  same(await line.getByRole('listitem').allInnerTexts(), ['▲ a 1', '▲ b 1'], 'nodes in the route')
  await see(line.getByText('1 failed'))
  await see(line.getByText('31 refused'))
  const hosts = panel(page, 'Hosts')
  await see(row(hosts, 'room-a').getByText('15/1 ready :81'))
  await see(row(hosts, 'room-a').getByText('15/1 is to run'))
  await see(row(hosts, 'room-a').getByText('exit status 1'))
  await see(row(hosts, 'room-b').getByRole('cell', { name: /^silent/ }))
  await see(panel(page, 'Capacity of a node of 15/1').getByRole('cell', { name: '240', exact: true }))
  const over = panel(page, 'Nodes of 15/1 over time')
  await see(over.getByRole('img', { name: /Nodes of 15\/1 that are up/ }))
  await see(row(over, 'From 1 to 4 at once'))
  await over.getByRole('button', { name: 'Table' }).click()
  await see(row(over, '812').getByRole('cell', { name: '31', exact: true }))
  for (const name of ['Freeze…', 'Add a plan…', 'Bounds…', 'Drain', 'Stop scaling'])
    holds(await page.getByRole('button', { name, exact: true }).first().isDisabled(), `a viewer cannot choose ${name}`)
})

test('scaling_plan', 'an operator adds a plan by keyboard only, sees it in the list, and removes it', async t => {
  await scaled(t)
  const page = await t.open('operator', '/scaling?module=15/1'), list = panel(page, 'Plans')
  await list.getByRole('button', { name: 'Add a plan…' }).focus()
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog')
  holds(await dialog.getByRole('button', { name: 'Add the plan' }).isDisabled(), 'a plan needs a number')
  await dialog.getByLabel('Nodes in each zone').focus()
  await page.keyboard.type('6')
  await dialog.getByLabel('Zone', { exact: true }).selectOption('b')
  await dialog.getByLabel('Note').focus()
  await page.keyboard.type('opening')
  await page.keyboard.press('Enter')
  await unseen(dialog)
  await until('the focus on the button that has opened the dialog', () => page.evaluate(() => document.activeElement.innerText === 'Add a plan…'))
  await see(row(list, 'opening').getByRole('cell', { name: '6', exact: true }))
  same(await sql(`SELECT COUNT(*) FROM ScalePlan WHERE modid = 15 AND zone = 'b' AND n_zone = 6 AND until_at BETWEEN NOW() + INTERVAL 115 MINUTE AND NOW() + INTERVAL 121 MINUTE`), '1', 'plans in the table')
  await sure(row(list, 'opening'), 'Remove')
  await see(list.getByText('There is no plan.'))
  same(await plans(), '0', 'plans in the table')
})

test('scaling_freeze', 'an operator freezes with a reason, which everyone sees, and ends it', async t => {
  await scaled(t)
  const page = await t.open('operator', '/scaling'), other = await t.open('viewer', '/scaling')
  await page.getByRole('button', { name: 'Freeze…' }).click()
  const dialog = page.getByRole('dialog')
  holds(await dialog.getByRole('button', { name: 'Freeze', exact: true }).isDisabled(), 'a freeze needs a reason')
  await dialog.getByLabel('Reason').fill('exhibition opens')
  await page.reload()
  await see(dialog.getByText('What you typed'))
  same(await dialog.getByLabel('Reason').inputValue(), 'exhibition opens', 'the reason after a reload')
  await dialog.getByRole('button', { name: 'Freeze', exact: true }).click()
  await see(page.getByText(/Frozen until .* by the-operator: exhibition opens\./))
  await see(other.getByText(/Frozen until .* by the-operator: exhibition opens\./))
  await page.getByRole('button', { name: 'End the freeze' }).click()
  await unseen(other.getByText(/Frozen until/))
  same(await sql(`SELECT GROUP_CONCAT(action ORDER BY id) FROM Audit WHERE actor = 'the-operator' AND action LIKE 'scale %freeze'`), 'scale freeze,scale unfreeze', 'rows of the audit')
})

test('scaling_bounds', 'an operator changes one bound: the others stay as another operator set them meanwhile', async t => {
  await scaled(t)
  const page = await t.open('operator', '/scaling?module=15/1'), line = row(panel(page, 'Modules'), '15/1')
  await line.getByRole('button', { name: 'Bounds…' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Most').fill('12')
  await sql('UPDATE ScalePolicy SET min_zone = 3 WHERE modid = 15')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await see(line.getByText('3 to 12'))
  await row(panel(page, 'Hosts'), 'room-a').getByRole('button', { name: 'Drain' }).click()
  await see(row(panel(page, 'Hosts'), 'room-a').getByRole('cell', { name: /^drained/ }))
  await sure(line, 'Stop scaling')
  await unseen(line)
})

test('scaling_states', 'the page loads, says what to do when nothing is scaled, says what failed, and goes grey with old data', async t => {
  const page = await t.open('viewer', '/about')
  let answer = 'wait', release
  const held = new Promise(done => { release = done })
  const EMPTY = { at: Date.now(), freeze: null, leader: null, modules: [], hosts: [], left_out: false }
  await page.route('**/api/v1/scaling', async r => {
    if (answer === 'wait')
      await held
    if (answer === 'down')
      return r.fulfill({ status: 503, contentType: 'application/problem+json', body: '{"status":503,"code":"db_down"}' })
    return r.fulfill({ status: 200, contentType: 'application/json', body: JSON.stringify(EMPTY) })
  })
  await page.getByRole('link', { name: 'Scaling' }).click()
  const modules = panel(page, 'Modules')
  await see(modules.getByText('Loading'))
  answer = 'down'
  release()
  await see(modules.getByRole('alert'))
  answer = 'empty'
  await modules.getByRole('button').click()
  await see(modules.getByText('No module is scaled.'))
  await see(page.getByText(/No autoscaler has worked yet/))
  await see(panel(page, 'Hosts').getByText('Start lars-slotd on a host that is to run nodes.'))
  answer = 'down'
  await see(modules.getByText(/^◌ \d+ s old$/))
  answer = 'empty'
  await unseen(modules.getByText(/^◌ \d+ s old$/))
})

for (const [name, locale, colorScheme, word, plan] of [['zh_light', 'zh-CN', 'light', '应有', '添加计划…'], ['en_dark', 'en', 'dark', 'Wanted', 'Add a plan…']])
  test(`scaling_${name}`, 'axe-core finds no violation on the page and in its dialogs, and 360 px show them as a whole', async t => {
    await scaled(t)
    await sql(`INSERT INTO ScalePlan (modid, cmdid, zone, until_at, n_zone, note) VALUES (15, 1, '', NOW() + INTERVAL 2 HOUR, 4, 'opening of the exhibition')`)
    const page = await t.open('operator', '/scaling?module=15/1', { locale, colorScheme })
    await see(page.getByRole('columnheader', { name: word, exact: true }))
    await until('the chart', () => page.locator('canvas').count())
    await look(page, '/scaling')
    await page.getByRole('button', { name: plan }).click()
    await see(page.getByRole('dialog'))
    await look(page, 'the dialog of a plan')
    await page.keyboard.press('Escape')
    await unseen(page.getByRole('dialog'))
    await row(page, '15/1').getByRole('button').nth(1).click()
    await see(page.getByRole('dialog'))
    await look(page, 'the dialog of bounds')
  })
