// Measures the console as its users see it: answers, pages in a browser, a change until it is
// in force on the screen, and what lars-console costs.  Started by bench/run-console, which
// starts the system and says in LARS_RUN, LARS_CONSOLE, LARS_AGENTS and CHROMIUM where it is.
// Prints rows of a table in Markdown: what, median, p99 or longest, aim, met.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const env = process.env, run = env.LARS_RUN, base = `http://127.0.0.1:${env.LARS_CONSOLE}`
const agents = Number(env.LARS_AGENTS), rounds = Number(env.ROUNDS || 20), seconds = Number(env.SECONDS || 20)
const build = env.BUILD || 'build', pid = readFileSync(join(run, 'lars-console.pid'), 'utf8').trim()
const WAIT_MS = 20000, VIEWERS = 20, ANSWERS = 50 * rounds
const keep = new Agent({ keepAlive: true, maxSockets: 1 })
const sleep = ms => new Promise(done => setTimeout(done, ms))
let cookie = ''

/* --- numbers ----------------------------------------------------------------------------- */

const sorted = list => [...list].sort((a, b) => a - b)
const median = list => sorted(list)[Math.floor(list.length / 2)]
const p99 = list => sorted(list)[Math.ceil(list.length * 0.99) - 1]
const number = n => n >= 100 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n.toFixed(2)

/** <worst> is compared with <aim>, or the median where the aim is of the median. */
function line(what, middle, worst, unit, aim, of = worst) {
  const text = n => n === null ? '–' : `${number(n)} ${unit}`
  console.log(`| ${what} | ${text(middle)} | ${text(worst)} | ${aim === null ? '–' : `< ${aim} ${unit}`} | ${aim === null ? '–' : of < aim ? 'yes' : 'no'} |`)
}

/* --- the process ------------------------------------------------------------------------- */

const hz = Number(execFileSync('getconf', ['CLK_TCK']))
function cpuSeconds() {
  const f = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return (Number(f[11]) + Number(f[12])) / hz
}
/* Every time that a thread gave the processor away and was woken later. */
function wakeUps() {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, tid) =>
    sum + Number(/\nvoluntary_ctxt_switches:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/task/${tid}/status`, 'utf8'))[1]), 0)
}
const rssMB = () => Number(/VmRSS:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024

async function rates(ms) {
  const cpu = cpuSeconds(), woken = wakeUps(), at = performance.now()
  await sleep(ms)
  const s = (performance.now() - at) / 1000
  return { cpu: (cpuSeconds() - cpu) * 100 / s, woken: (wakeUps() - woken) / s }
}

/* --- answers ----------------------------------------------------------------------------- */

function ask(method, path, body, agent = keep) {
  return new Promise((done, no) => {
    const q = request(base + path, { method, agent, headers: { Cookie: cookie, Origin: base, 'Content-Type': 'application/json' } }, a => {
      const parts = []
      a.on('data', p => parts.push(p)).on('end', () => done({ status: a.statusCode, headers: a.headers, text: Buffer.concat(parts).toString() }))
    })
    q.on('error', no).end(body)
  })
}

async function logIn(user, password) {
  const a = await ask('POST', '/api/v1/session', JSON.stringify({ user, password }))
  if (a.status !== 200)
    throw new Error(`login: ${a.status} ${a.text}`)
  return a.headers['set-cookie'][0].split(';')[0]
}

async function waitForModules() {
  const end = Date.now() + WAIT_MS
  let total = 0
  do {
    await sleep(200)
    total = JSON.parse((await ask('GET', '/api/v1/modules')).text).total
  } while (total < 1000 && Date.now() < end)
  if (total < 1000)
    throw new Error(`only ${total} modules`)
}

async function measureAnswers() {
  const ms = []
  let bytes = 0
  for (let i = 0; i < ANSWERS; i++) {
    const began = performance.now()
    const a = await ask('GET', `/api/v1/modules?sort=${['problems', 'calls', 'number'][i % 3]}&page=${1 + i % 20}`)
    ms.push(performance.now() - began)
    if (a.status !== 200 || JSON.parse(a.text).items.length !== 50)
      throw new Error(`modules: ${a.status} ${a.text.slice(0, 200)}`)
    bytes += a.text.length
  }
  line(`answer: a page of 50 modules, ${(bytes / ANSWERS / 1000).toFixed(0)} kB`, median(ms), p99(ms), 'ms', 20)
}

/* --- the browser ------------------------------------------------------------------------- */

let browser
async function newPage() {
  const context = await browser.newContext({ locale: 'en-US', viewport: { width: 1280, height: 900 } })
  const [name, value] = cookie.split('=')
  await context.addCookies([{ name, value, url: base, httpOnly: true, sameSite: 'Strict' }])
  context.setDefaultTimeout(WAIT_MS)
  return await context.newPage()
}

/* Milliseconds from the click on <button> until <look>, a function of the page, is true and
 * the browser has drawn it. */
const clickUntil = (button, look, arg) => button.evaluate((element, [text, a]) => new Promise(done => {
  const seen = new Function('a', `return (${text})(a)`)
  const began = performance.now()
  const watch = new MutationObserver(() => {
    if (seen(a)) {
      watch.disconnect()
      requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)))
    }
  })
  watch.observe(document.body, { childList: true, subtree: true, characterData: true })
  element.click()
}), [look.toString(), arg])

/* Seconds of processor time that the main thread of the page has used. */
async function pageClock(page) {
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' })
  return async () => (await cdp.send('Performance.getMetrics')).metrics.find(m => m.name === 'TaskDuration').value
}

async function measureFirstPage() {
  const paint = [], filled = [], cpu = []
  let script = 0
  for (let i = 0; i < rounds; i++) {
    const page = await newPage()
    const clock = await pageClock(page), from = await clock()
    script = 0
    page.on('response', r => { if (/\.js$/.test(r.url())) script += Number(r.headers()['content-length']) })
    await page.goto(base + '/#/')
    await page.getByRole('heading', { name: 'Zones' }).waitFor()
    const [first, rows] = await page.evaluate(() => new Promise(done => {
      const look = () => {
        const p = performance.getEntriesByName('first-contentful-paint')[0]
        return p && document.querySelector('main table tbody tr') ? done([p.startTime, performance.now()]) : requestAnimationFrame(look)
      }
      look()
    }))
    paint.push(first)
    filled.push(rows)
    cpu.push((await clock() - from) * 1000)
    await page.context().close()
  }
  line('overview, empty cache: first paint in chromium', median(paint), Math.max(...paint), 'ms', 1000)
  line('overview, empty cache: tables filled', median(filled), Math.max(...filled), 'ms', null)
  line('overview, empty cache: processor time of the page', median(cpu), Math.max(...cpu), 'ms', null)
  line('script of the first page, gzip', script / 1000, null, 'kB', 170, script / 1000)
}

async function measurePages() {
  const page = await newPage(), ms = []
  await page.goto(base + '/#/modules?sort=number')
  const firstRow = () => document.querySelector('main table tbody tr').innerText
  await page.getByRole('table').getByRole('row').nth(50).waitFor()
  const clock = await pageClock(page), from = await clock()
  for (let i = 0; i < rounds; i++) {
    const button = page.getByRole('button', { name: i % 2 ? /Previous|Before|‹/ : /›/ })
    ms.push(await clickUntil(button, a => {
      const tr = document.querySelectorAll('main table tbody tr')
      return tr.length === 50 && tr[0].innerText !== a
    }, await page.evaluate(firstRow)))
  }
  line('shown in chromium: from the click to the next 50 modules', median(ms), Math.max(...ms), 'ms', 200)
  line('shown in chromium: processor time of the page', (await clock() - from) * 1000 / rounds, null, 'ms', null)
  await page.context().close()
}

async function measureChange(node) {
  const page = await newPage(), ms = []
  await page.goto(base + '/#/modules/1/1')
  const dialog = page.getByRole('dialog'), button = name => dialog.getByRole('button', { name, exact: true })
  for (let i = 0; i < rounds; i++) {
    await page.getByLabel(`Choose ${node}`).check()
    await page.getByRole('button', { name: 'Weight', exact: true }).click()
    await dialog.getByLabel('Weight').fill(String(50 + i))
    await button('Check the effect').click()
    await dialog.getByLabel('Reason').fill('measured')
    ms.push(await clickUntil(button('Set the weight of 1 node'), a => document.querySelector('[role=dialog]')?.innerText.includes(a), `In force on ${agents}/${agents} agents`))
    await button('Close').click()
    await dialog.waitFor({ state: 'hidden' })
  }
  line(`a change: from the click to "in force on ${agents}/${agents} agents"`, median(ms), Math.max(...ms), 'ms', 1000)
  await page.context().close()
}

/* --- viewers ----------------------------------------------------------------------------- */

/* A stream of events, as a browser has it. */
function view(count) {
  return new Promise((done, no) => {
    const q = request(base + '/api/v1/events?topics=overview', { agent: false, headers: { Cookie: cookie } }, a => {
      if (a.statusCode !== 200)
        no(new Error(`events: ${a.statusCode}`))
      a.on('data', p => { count.bytes += p.length; count.events += p.toString().split('event: overview').length - 1 }).on('error', () => {})
      done(q)
    })
    q.on('error', () => {}).end()
  })
}

async function measureViewers(users) {
  const count = { bytes: 0, events: 0 }, open = []
  for (let i = 0; i < VIEWERS; i++) {
    if (i % 5 === 0)                  // a session has six streams at most
      cookie = await logIn(...users[i / 5])
    open.push(await view(count))
  }
  await sleep(3000)
  count.bytes = count.events = 0
  const r = await rates(seconds * 1000)
  if (count.events < VIEWERS * seconds / 4)
    throw new Error(`only ${count.events} events in ${seconds} s`)
  line(`${VIEWERS} viewers, each with ${number(count.events / VIEWERS / seconds)} events/s of ${number(count.bytes / count.events / 1000)} kB: CPU of lars-console, of a core`, r.cpu, null, '%', 5, r.cpu)
  open.forEach(q => q.destroy())
  await sleep(3000)
}

/* --- all --------------------------------------------------------------------------------- */

const users = env.USERS.split(' ').map(u => u.split(':'))
cookie = await logIn(...users[0])
await waitForModules()
keep.destroy()
await sleep(3000)
const idle = await rates(seconds * 1000)
line('idle: wake-ups of lars-console, all threads, a second', idle.woken, null, '/s', 20, idle.woken)
line('idle: CPU of lars-console, of a core', idle.cpu, null, '%', null)
line('idle: memory of lars-console (RSS) with 64,000 nodes', rssMB(), null, 'MB', null)
await measureAnswers()
browser = await chromium.launch({ executablePath: env.CHROMIUM, chromiumSandbox: process.getuid() !== 0, timeout: 30000 })
try {
  await measureFirstPage()
  await measurePages()
  await measureChange(env.LARS_NODE)
} finally {
  await browser.close()
}
await measureViewers(users)
line('memory of lars-console (RSS) at the end', rssMB(), null, 'MB', null)
