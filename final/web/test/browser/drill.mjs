// The page Drill, with rows of the table that larsctl drill run writes.
import { look } from './examine.mjs'
import { holds, panel, row, same, see, sql, test, unseen, until } from './harness.mjs'

const EVENTS = '[{"number":1,"at_s":2,"for_s":0,"do":"load x3","did_s":2,"undone_s":null,"failed":false,"why":"","detect_s":null,"shift_s":0,"scale_s":3.5},{"number":2,"at_s":40,"for_s":5,"do":"kill <b>x</b>.pid","did_s":null,"undone_s":null,"failed":false,"why":"","detect_s":null,"shift_s":null,"scale_s":null}]'
const TARGETS = '[{"name":"max_error_percent","wanted":0.1,"got":12.5,"pass":false},{"name":"scale_s","wanted":5,"got":null,"pass":false}]'
const LIVE = `{"targets":${TARGETS},"events":${EVENTS},"seconds":{"from":0,"due":[20,60,60,61],"ok":[20,60,50,61],"failed":[0,0,10,0],"p50_us":[9000,9000,9000,9000],"p99_us":[20000,21000,90000,22000],"wanted":[2,2,6,6],"up":[2,2,2,6]}}`
const REPORT = `{"name":"past","pass":false,"undone":true,"aborted":"","all":{"due":201,"ok":190,"failed":11,"waiting_page":3,"p50_us":9000,"p99_us":91000,"generator_late":7},"targets":${TARGETS},"events":${EVENTS},"seconds":[{"due":20,"ok":20,"failed":0,"p50_us":9000,"p99_us":20000,"wanted":2,"up":2},{"due":181,"ok":170,"failed":11,"p50_us":9000,"p99_us":91000,"wanted":6,"up":6}]}`
const HEAD = 'INSERT INTO Drill (token, name, module, script, state, who, host, folder, seen_at, ended_at, second, seconds, happened, events, due, ok, failed, p50_us, p99_us, undo_open, why, live, report) VALUES '
const add = values => sql(HEAD + values)

/* One drill that runs, and one that has ended; seen_at is ahead, because no drill is there. */
async function drills(t) {
  t.after(() => sql('DELETE FROM Drill'))
  await sql('DELETE FROM Drill')
  await add(`('p', 'past', '', '[drill]', 'failed', 'li', 'gw-1', '/d/past.drill', NOW(3) - INTERVAL 1 HOUR, NOW(3) - INTERVAL 1 HOUR, 2, 2, 1, 2, 201, 190, 11, 9000, 91000, 0, '', '{}', '${REPORT}')`)
  await add(`('r', 'opening', '1/1', '[drill]', 'running', 'li', 'gw-1', '/d/opening.drill', NOW(3) + INTERVAL 1 HOUR, NULL, 4, 60, 1, 2, 201, 191, 10, 9000, 90000, 1, '', '${LIVE}', NULL)`)
}

test('drill_live', 'a drill that runs shows its second, targets, events and curves, and new figures by itself', async t => {
  await drills(t)
  const page = await t.open('viewer', '/drills')
  await see(page.getByText('opening runs: second 4 of 60, by li on gw-1.'))
  const result = panel(page, 'Figures of opening so far')
  await see(row(result, 'Failed requests, %').getByText('failed', { exact: true }))
  await see(row(result, 'Time to scale, s').getByText('open', { exact: true }))
  const events = panel(page, 'Events')
  await see(row(events, 'load x3').getByRole('img', { name: 'in force from second 2' }))
  await see(row(events, 'kill <b>x</b>.pid').getByText('planned at 40 s'))
  await see(page.getByRole('img', { name: /^Requests a second that were due/ }))
  const curves = panel(page, 'Second by second')
  await curves.getByRole('button', { name: 'Table' }).click()
  await see(row(curves, '10').getByRole('cell', { name: '90', exact: true }))
  holds(await page.getByRole('button', { name: 'End the drill…' }).isDisabled(), 'a viewer cannot end a drill')
  await sql(`UPDATE Drill SET second = 5, due = 262 WHERE name = 'opening'`)
  await see(page.getByText('opening runs: second 5 of 60'))
  await see(result.getByText('262', { exact: true }))
})

test('drill_abort', 'an operator ends a drill by keyboard after typing its name, and sees that it was asked', async t => {
  await drills(t)
  const page = await t.open('operator', '/drills')
  await page.getByRole('button', { name: 'End the drill…' }).focus()
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog'), end = dialog.getByRole('button', { name: 'End the drill', exact: true })
  holds(await end.isDisabled(), 'the name must be typed')
  await dialog.getByLabel('Type opening to go on').focus()
  await page.keyboard.type('openin')
  holds(await end.isDisabled(), 'a part of the name is not the name')
  await page.keyboard.type('g')
  await dialog.getByLabel('Reason').focus()
  await page.keyboard.type('visitors wait')
  await page.keyboard.press('Enter')
  await unseen(dialog)
  await see(page.getByText('the-operator has asked it to end'))
  same(await sql(`SELECT CONCAT(abort_by, ':', abort_why) FROM Drill WHERE name = 'opening'`), 'the-operator:visitors wait', 'the wish')
  same(await sql(`SELECT COUNT(*) FROM Audit WHERE action = 'drill abort' AND reason = 'visitors wait'`), '1', 'rows of the audit')
})

test('drill_report', 'the report of a drill that has ended has the figures of its file', async t => {
  await drills(t)
  const page = await t.open('viewer', '/drills')
  await row(panel(page, 'All drills'), 'past').getByRole('button').click()
  await see(page.getByText(/past did not pass\. It ended at/))
  const result = panel(page, 'Result of past')
  for (const text of ['201', '11', '91', '3', '7'])
    await see(result.getByText(text, { exact: true }))
  await see(row(result, 'Time to scale, s').getByText('failed', { exact: true }))
  await see(row(panel(page, 'Events'), 'kill <b>x</b>.pid'))
})

test('drill_lost', 'a drill without a sign of life is lost, and the page says what to type where', async t => {
  await drills(t)
  await sql(`UPDATE Drill SET seen_at = NOW(3) - INTERVAL 1 MINUTE WHERE name = 'opening'`)
  const page = await t.open('operator', '/drills')
  await see(page.getByText(/opening is lost: no sign of it for/))
  await see(page.getByText('larsctl drill undo /d/opening.drill'))
  same(await page.getByRole('button', { name: 'End the drill…' }).count(), 0, 'buttons that end it')
})

test('drill_banner', 'every page says that a drill runs, until it has ended', async t => {
  await drills(t)
  const page = await t.open('viewer', '/modules'), text = page.getByText('A drill is running: opening.')
  await see(text)
  await page.getByRole('link', { name: 'Look' }).click()
  await see(page.getByText('opening runs'))
  await sql(`UPDATE Drill SET state = 'passed', ended_at = NOW(3) WHERE name = 'opening'`)
  await unseen(text)
})

test('drill_states', 'the page loads, says how to start a drill, says what failed, and goes grey with old data', async t => {
  const page = await t.open('viewer', '/about')
  let answer = 'wait', release
  const held = new Promise(done => { release = done })
  await page.route('**/api/v1/drills', async r => {
    if (answer === 'wait')
      await held
    if (answer === 'down')
      return r.fulfill({ status: 503, contentType: 'application/problem+json', body: '{"status":503,"code":"db_down"}' })
    return r.fulfill({ status: 200, contentType: 'application/json', body: '{"items":[]}' })
  })
  await page.getByRole('link', { name: 'Drills' }).click()
  const list = panel(page, 'All drills')
  await see(list.getByText('Loading'))
  answer = 'down'
  release()
  await see(list.getByRole('alert'))
  answer = 'empty'
  await list.getByRole('button').click()
  await see(list.getByText('There was no drill.'))
  await see(list.getByText(/larsctl drill run FILE\.ini --for-real/))
  answer = 'down'
  await see(list.getByText(/^◌ \d+ s old$/))
})

for (const [name, locale, colorScheme, word, end] of [['zh_light', 'zh-CN', 'light', '未观察到', '结束演练…'], ['en_dark', 'en', 'dark', 'not seen', 'End the drill…']])
  test(`drill_${name}`, 'axe-core finds no violation on the page and in its dialog, and 360 px show them as a whole', async t => {
    await drills(t)
    const page = await t.open('operator', '/drills', { locale, colorScheme })
    await see(page.getByText(word))
    await until('the charts', async () => await page.locator('canvas').count() >= 3)
    await look(page, '/drills')
    await page.getByRole('button', { name: end }).click()
    await see(page.getByRole('dialog'))
    await look(page, 'the dialog')
  })
