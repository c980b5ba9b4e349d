// Alarms, what is down, and the display.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { base, holds, larsctl, panel, pid, row, run, same, see, sql, test, unseen, until } from './harness.mjs'

const execute = promisify(execFile)
const nodes = Number(process.env.LARS_NODES), build = process.env.BUILD || 'build'
const TOLD = ['/', '/modules/1/1', '/alarms', '/changes', '/changes/1', '/history?module=1/1']

const killNode = t => t.kill('node-1.2', 'lars-node', `127.0.1.2:${nodes}`)
const killReportd = (t, zone) => t.kill(`lars-reportd-${zone}`, 'lars-reportd', '-c', join(run, `reportd-${zone}.ini`))

/* The calls of a second, as the business code in zone a counts them. */
const lastSecond = () => readFileSync(join(run, 'lars-traffic-a.log'), 'utf8').trim().split('\n').pop()

test('alarm_ack_silence', 'an alarm is acknowledged with a note and silenced with an end and a reason, here and in larsctl', async t => {
  const page = await t.open('operator', '/alarms'), other = await t.open('viewer', '/alarms')
  killNode(t)
  const open = panel(page, 'Open'), alarm = open.getByRole('listitem').filter({ hasText: `127.0.1.2:${nodes}` })
  const dialog = page.getByRole('dialog')
  await see(alarm.getByText('open', { exact: true }))

  await alarm.getByRole('button', { name: 'Acknowledge' }).click()
  const send = dialog.getByRole('button', { name: 'Acknowledge' })
  holds(await send.isDisabled(), 'an acknowledgement needs a note')
  await dialog.getByLabel('Note').fill('the disk of 127.0.1.2 is replaced')
  await send.click()
  await see(alarm.getByText('acknowledged', { exact: true }))
  await see(panel(other, 'Open').getByText('acknowledged', { exact: true }))
  await until('the note in the audit of larsctl', async () => /alarm ack.*the disk of 127\.0\.1\.2/.test(await larsctl('audit', 'list')))

  await alarm.getByRole('button', { name: 'Silence' }).click()
  await dialog.getByLabel('For').selectOption({ label: '1 h' })
  holds(await dialog.getByRole('button', { name: 'Silence' }).isDisabled(), 'a silence needs a reason')
  await dialog.getByLabel('Reason').fill('works until noon')
  await dialog.getByRole('button', { name: 'Silence' }).click()
  await see(alarm.getByText('silenced', { exact: true }))
  const silence = row(panel(page, 'Silences'), 'works until noon')
  await see(silence.getByText(/(59 min|1 h) left/))
  await see(silence.getByText('the-operator'))
  await until('the silence in larsctl', async () => /node_down.*127\.0\.1\.2.*the-operator.*works until noon/.test(await larsctl('alarm', 'silences')))

  await silence.getByRole('button', { name: 'End' }).click()
  await unseen(silence)
  await unseen(alarm.getByText('silenced', { exact: true }))
  holds(!(await larsctl('alarm', 'silences')).includes('works until noon'), 'larsctl lists the silence no more')

  await larsctl('alarm', 'silence', 'node_down', '20', 'set by larsctl')
  await see(alarm.getByText('silenced', { exact: true }))
  await see(row(panel(page, 'Silences'), 'set by larsctl'))
  await row(panel(page, 'Silences'), 'set by larsctl').getByRole('button', { name: 'End' }).click()
  await unseen(row(panel(page, 'Silences'), 'set by larsctl'))
})

const grey = part => part.evaluate(e => [...e.children].some(c => getComputedStyle(c).filter.includes('grayscale(1)')))

test('database_lost', 'without the database the last data are grey with their age, a change keeps what was typed, and all comes back', async t => {
  const db = join(run, 'db')
  const start = () => execute('sh', ['common/mariadb', 'start', db], { env: { ...process.env, BARE: '1' }, timeout: 30000 })
  const page = await t.open('operator', '/modules/1/1'), table = panel(page, 'Nodes'), added = `127.0.1.9:${nodes}`
  await see(row(table, `127.0.1.1:${nodes}`))
  await page.getByRole('button', { name: 'Add node' }).click()
  await page.getByLabel('Node address').fill(added)

  process.kill(Number(readFileSync(join(db, 'pid'), 'utf8')), 'SIGKILL')
  t.after(start)
  await see(page.getByText('the pages show the last data'))
  await see(table.getByText(/^◌ \d+ s old$/))
  holds(await grey(table), 'the panel of the nodes is grey')
  await see(row(table, `127.0.1.1:${nodes}`))
  await page.getByRole('button', { name: 'Check the effect' }).click()
  await see(page.getByRole('alert').getByText(/database/))
  same(await page.getByLabel('Node address').inputValue(), added, 'the field of the node')
  holds(/ok +[1-9]\d*\/s +failed +0\/s/.test(lastSecond()), `callers are not affected: ${lastSecond()}`)

  await start()
  await unseen(page.getByText('the pages show the last data'))
  await unseen(table.getByText(/^◌ \d+ s old$/))
  await page.getByRole('button', { name: 'Check the effect' }).click()
  await see(page.getByLabel('Reason'))
  await see(page.getByRole('dialog').getByText(added))
})

test('reportd_lost', 'without a lars-reportd the statistics are grey and in force is not known; a change is saved', async t => {
  const node = `127.0.1.1:${nodes}`, page = await t.open('operator', '/modules/1/1'), table = panel(page, 'Nodes')
  const agents = panel(page, 'In force on agents'), dialog = page.getByRole('dialog')
  await see(agents.getByText(/in force on \d\/\d agents/))
  const restart = ['a', 'b'].map(zone => killReportd(t, zone))
  await see(page.getByText('No Report Service'))
  await until('grey statistics', () => grey(table))
  await see(agents.getByText('not known'))

  t.after(() => larsctl('route', 'set', '1', '1', node, 'weight=100'))
  await row(table, node).getByRole('checkbox').check()
  await page.getByRole('button', { name: 'Weight', exact: true }).click()
  await dialog.getByLabel('Weight').fill('90')
  await dialog.getByRole('button', { name: 'Check the effect' }).click()
  await dialog.getByLabel('Reason').fill('less for the old host')
  await page.keyboard.press('Enter')
  await see(dialog.getByText(/^Saved, revision \d+; whether it is in force is not known$/))
  await dialog.getByRole('button', { name: 'Close', exact: true }).click()

  restart.forEach(again => again())
  await unseen(page.getByText('No Report Service'))
  await until('statistics that are not grey', async () => !await grey(table))
  await see(agents.getByText(/in force on \d\/\d agents/))
})

async function wallLink(t) {
  t.after(() => larsctl('wall', 'end'))
  return (await larsctl('wall', 'link', '1')).match(/#(\S+)/)[1]
}

test('wall_reconnects', 'a wall display is grey with its age after 5 s without data, and comes back by itself', async t => {
  const page = await t.open('', await wallLink(t)), wall = page.getByRole('main')
  const current = wall.getByText(/^data \d s old/), old = wall.getByText(/No new data for \d+ s/)
  const dim = () => wall.evaluate(e => getComputedStyle(e).filter.includes('grayscale(1)'))
  await see(current)
  holds(!await dim(), 'a current wall is in colour')

  const thaw = t.freeze('lars-console')
  await see(old)
  holds(await dim(), 'a wall without data is grey')
  thaw()
  await see(current)
  holds(!await dim(), 'the wall is in colour again')
})

test('wall_survives_console', 'a wall display connects again to a console that was started anew', async t => {
  const page = await t.open('', await wallLink(t)), wall = page.getByRole('main')
  await see(wall.getByText(/^data \d s old/))
  const restart = t.kill('lars-console', 'lars-console', '-c', join(run, 'console.ini'))
  await see(wall.getByText(/No new data for \d+ s/))
  restart()
  await see(wall.getByText(/^data \d s old/))
})

const SECONDS = 86400, NEAR_S = 7200
/* The times on a page that are not near to now in <zone>. */
async function elsewhere(page, zone) {
  const s = text => text.split(':').reduce((sum, part) => sum * 60 + Number(part), 0)
  const now = s(new Intl.DateTimeFormat('en-GB', { timeZone: zone, hourCycle: 'h23', timeStyle: 'medium' }).format(Date.now()))
  const all = (await page.getByRole('main').innerText()).match(/\b\d\d:\d\d:\d\d\b/g) || []
  return { all, far: all.filter(x => Math.min((s(x) - now + SECONDS) % SECONDS, (now - s(x) + SECONDS) % SECONDS) > NEAR_S) }
}

test('display_zone', 'all times of a page are in one time zone, which the page names', async t => {
  const page = await t.open('admin', '/', { timezoneId: 'America/New_York' })
  const alarm = await sql("INSERT INTO Alarm (kind, subject, cleared_at) VALUES ('latency', '1/1', NOW()); SELECT LAST_INSERT_ID()")
  t.after(() => sql(`DELETE FROM Alarm WHERE id = ${alarm}`))
  for (const [choice, name, zone] of [['local', /UTC[−-][45]/, 'America/New_York'], ['Asia/Shanghai', /Asia\/Shanghai/, 'Asia/Shanghai'], ['UTC', /UTC/, 'UTC']]) {
    await page.getByRole('combobox', { name: 'Time zone' }).first().selectOption(choice)
    let seen = 0
    for (const path of [...TOLD, '/alarms/' + alarm]) {
      await page.goto(base + '/#' + path)
      await see(page.getByRole('heading', { level: 1 }))
      await until('a page that has loaded', () => page.evaluate(() => !document.querySelector('[aria-busy=true]')))
      const shown = await page.getByRole('combobox', { name: 'Time zone' }).first().evaluate(e => e.selectedOptions[0].text)
      holds(name.test(shown), `the page ${path} names its zone: ${shown}`)
      const { all, far } = await elsewhere(page, zone)
      same(far, [], `times on ${path} that are not in ${zone}`)
      seen += all.length
    }
    holds(seen > 5, `times are shown in ${zone}: ${seen}`)
  }
})

test('first_minute', 'a chart without calls names the minute that it shows first; its marks keep time and text apart', async t => {
  await t.module('71/1', [`127.0.1.71:${nodes} a`], 0)
  const alarm = await sql("INSERT INTO Alarm (kind, subject, raised_at, cleared_at) VALUES ('latency', '71/1', NOW() - INTERVAL 9 MINUTE, NOW() - INTERVAL 8 MINUTE); SELECT LAST_INSERT_ID()")
  t.after(() => sql(`DELETE FROM Alarm WHERE id = ${alarm}`))
  for (const [locale, heading, said] of [['en-US', 'Calls of 71/1', /no calls until \d\d:\d\d\. The first complete minute since then is shown at \d\d:\d\d\./],
                                         ['zh-CN', '71/1 的调用', /\d\d:\d\d 之前没有调用。此后第一个完整的分钟将在 \d\d:\d\d 显示。/]]) {
    const chart = panel(await t.open('viewer', '/modules/71/1', { locale, timezoneId: 'UTC' }), heading)
    await see(chart.getByText(said))
    const mark = chart.getByRole('listitem').filter({ hasText: '■' })
    await see(mark)
    holds(/:\d\d [^\d\s]/.test(await mark.first().innerText()), `a space behind the time: ${await mark.first().innerText()}`)
  }
})
