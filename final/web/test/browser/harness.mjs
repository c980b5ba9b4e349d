// Tests of the pages in a browser, against the whole running system.
//
// How to add one:
//  1. Choose the file: changes.mjs (routes and changes) or forms.mjs (what was typed, many
//     modules, administrators), which e2e_browser_changes.sh runs in one system; faults.mjs
//     (alarms, losses, display) or access.mjs (axe-core, a phone, the keyboard), which
//     e2e_browser_faults.sh runs in another; site.mjs (the exhibition site) or gateways.mjs (its
//     gateways in the console), which e2e_browser_site.sh runs.  Tests run one after the other,
//     in their order.
//  2. test('name', 'what a person sees', async t => { ... }).  With a fourth argument, the tests
//     beside each other that have the same one run at the same time: each touches only its own.
//  3. const page = await t.open('operator', '/modules/1/1') gives a new window in which this
//     role is logged in (viewer, operator, admin; '' for no session); t.window() one of the site.  The third argument is of
//     browser.newContext(): {locale: 'zh-CN', viewport: {...}}; English and 1280 x 900 unless given.
//  4. Find elements as a person does: page.getByRole('button', { name: 'Drain' }),
//     page.getByLabel('Reason'), panel(page, 'Nodes'), row(page, '10.0.0.7:80').  No CSS classes.
//  5. await see(locator), unseen(locator) wait with a deadline.  For what is not on the page:
//     await until('the node is called', async () => ...), which returns the first true value.
//     Nothing waits for a fixed time.
//     await sure(where, 'Delete all') clicks a button that asks first, and its question.
//  6. The system: sql(text), larsctl(...), pid(name), t.start(program, ...), t.freeze(name)
//     and t.kill(name, program, ...); names are those of common/run, for example lars-agentd-a.
//  7. A test leaves what it found: t.after(async () => ...) is called also when the test failed,
//     the last one first.  Use a module of your own (modid 11 and up) for changes of routes.
//  8. A test fails as well when a window logged an error of the Content-Security-Policy or an
//     exception.  A failed test leaves build/log/browser/NAME.png and NAME.log.
//  9. Alone: BROWSER=name make test T=e2e_browser_changes, or _faults
import { execFile, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { chromium } from 'playwright-core'

const WAIT_MS = 60000                 // of one wait; a busy machine needs several seconds
const TEST_MS = 200000                // of one test
const env = process.env
export const run = env.LARS_RUN
export const nodes = Number(env.LARS_NODES)          // TCP port of the nodes of the system
export const base = `http://127.0.0.1:${env.LARS_CONSOLE}`
const build = env.BUILD || 'build', kept = join(build, 'log', 'browser')
const execute = promisify(execFile)
const MOST = 3                        // windows take processor time
const tests = [], sessions = {}
let browser

export const test = (name, promise, work, group = '') => tests.push({ name, promise, work, group })

export async function until(what, look, ms = WAIT_MS) {
  const end = Date.now() + ms
  let last = ''
  do {
    try {
      const value = await look()
      if (value)
        return value
    } catch (e) {
      last = `: ${e.message}`
    }
    await new Promise(done => setTimeout(done, 50))
  } while (Date.now() < end)
  throw new Error(`within ${ms / 1000} s not seen: ${what}${last}`)
}

export const see = (what, ms = WAIT_MS) => what.first().waitFor({ state: 'visible', timeout: ms })
export const unseen = (what, ms = WAIT_MS) => what.first().waitFor({ state: 'hidden', timeout: ms })
export function same(got, wanted, what) {
  const a = JSON.stringify(got), b = JSON.stringify(wanted)
  if (a !== b)
    throw new Error(`${what}: ${a}, and not ${b}`)
}
export function holds(value, what) {
  if (!value)
    throw new Error(`does not hold: ${what}`)
}

/** The part of a page under a heading, and a row of a table or list that has the text. */
export const panel = (page, heading) => page.locator('section').filter({ has: page.getByRole('heading', { name: heading, exact: true }) })
export const row = (where, text) => where.getByRole('row').filter({ hasText: text })

/** Click a button that asks first, and then its question.  The question lasts for 5 s, which a
 *  busy machine may need between two clicks; then it is asked again. */
export async function sure(where, label) {
  const name = n => where.getByRole('button', { name: n, exact: true }).first()
  await until(`the question of "${label}" is confirmed`, async () => {
    if (!await name('Confirm: ' + label).count())
      await name(label).click({ timeout: 10000 })
    await name('Confirm: ' + label).click({ timeout: 4000 })
    return true
  })
}

const output = async (program, args, more) => (await execute(program, args, { timeout: WAIT_MS, ...more })).stdout.trim()
export const sql = text => output('sh', ['common/mariadb', 'sql', join(run, 'db'), text])
export const larsctl = (...args) => output(join(build, 'larsctl'), args, { env: { ...env, LARSCTL: join(run, 'larsctl.ini') } })
export const pid = name => Number(readFileSync(join(run, name + '.pid'), 'utf8'))

/* A user whose first password counts as changed, because the tests of the login are others. */
async function userOf(role) {
  const password = await larsctl('user', 'add', 'the-' + role, role)
  await sql(`UPDATE User SET must_change = 0 WHERE name = 'the-${role}'`)
  return password
}

export async function logIn(page, user, password) {
  await page.getByLabel('User').fill(user)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Log in' }).click()
}

async function newSession(role) {
  const password = await userOf(role)
  const context = await browser.newContext({ locale: 'en-US' })
  const page = await context.newPage()
  await page.goto(base, { timeout: WAIT_MS })
  await logIn(page, 'the-' + role, password)
  await see(page.getByRole('navigation', { name: 'Menu' }))
  const state = await context.storageState()
  await context.close()
  return { state, password }
}
const sessionOf = role => (sessions[role] ??= newSession(role))
export const passwordOf = async role => (await sessionOf(role)).password
export const stateOf = async role => (await sessionOf(role)).state

class Fixture {
  constructor() {
    this.pages = []
    this.ends = []
    this.log = []
    this.faults = []
  }

  after(work) {
    this.ends.push(work)
  }

  async open(role, path = '/', options = {}) {
    const page = await this.window({ storageState: role ? (await sessionOf(role)).state : undefined, ...options })
    await page.goto(base + '/#' + path)
    return page
  }

  /** A new window, without a page. */
  async window(options = {}) {
    const context = await browser.newContext({ locale: 'en-US', viewport: { width: 1280, height: 900 }, ...options })
    this.after(() => context.close())
    context.setDefaultTimeout(WAIT_MS)
    await context.addInitScript(() => document.addEventListener('securitypolicyviolation', e =>
      console.error(`Content Security Policy: ${e.violatedDirective} ${e.blockedURI}`)))
    const page = await context.newPage()
    this.pages.push(page)
    page.on('console', m => {
      this.log.push(`${m.type()}: ${m.text()}`)
      if (/Content.Security.Policy/i.test(m.text()))
        this.faults.push(m.text())
    })
    page.on('pageerror', e => {
      this.log.push(`exception: ${e.stack || e.message}`)
      this.faults.push(`exception: ${e.message}`)
    })
    return page
  }

  /** A program of build/, ended after the test. */
  start(program, ...args) {
    const child = spawn(join(build, program), args, { stdio: 'ignore' })
    this.after(() => ended(child))
    return child
  }

  /** A module with these nodes, "127.0.1.9:81 a" each with its zone, that callers of both
   *  zones call <rate> times a second when their nodes are up; it is removed after the test. */
  async module(id, list, rate = 50) {
    const [m, c] = id.split('/')
    const values = list.map(n => n.split(/[: ]/)).map(([ip, port, zone]) => `(${m},${c},INET_ATON('${ip}'),${port},'${zone}')`)
    await sql(`INSERT INTO RouteData (modid, cmdid, serverip, serverport, zone) VALUES ${values}`)
    this.after(() => sql(`SET @lars_confirmed = 1; DELETE FROM RouteData WHERE modid = ${m} AND cmdid = ${c}`))
    if (rate)
      for (const [zone, address] of [['a', '127.0.0.1'], ['b', '127.0.0.2']])
        this.start('lars-traffic', '-a', address, '-p', env.LARS_PORT, '-D', join(run, zone), '-m', id, '-r', String(rate), '-t', '1', '-s', '120')
  }

  /** End a process of the system.  Returns what starts it again; the test ends with it running. */
  kill(name, program, ...args) {
    let gone = true
    const restart = () => {
      if (!gone)
        return
      gone = false
      const child = spawn(join(build, program), args, { stdio: 'ignore', detached: true })
      child.unref()
      writeFileSync(join(run, name + '.pid'), String(child.pid))
    }
    process.kill(pid(name), 'SIGKILL')
    this.after(restart)
    return restart
  }

  /** Stop a process of the system, and let it go on after the test. */
  freeze(name) {
    const p = pid(name)
    process.kill(p, 'SIGSTOP')
    this.after(() => process.kill(p, 'SIGCONT'))
    return () => process.kill(p, 'SIGCONT')
  }

  async keep(name) {
    writeFileSync(join(kept, name + '.log'), this.log.join('\n') + '\n')
    const page = this.pages[this.pages.length - 1]
    await page?.screenshot({ path: join(kept, name + '.png'), fullPage: true, timeout: 5000 })
      .catch(e => console.log(`# no screenshot of ${name}: ${e.message}`))
  }

  async finish() {
    for (const work of this.ends.reverse())
      await Promise.resolve(work()).catch(e => this.faults.push(`afterwards: ${e.message}`))
  }
}

async function ended(child) {
  if (child.exitCode !== null || child.signalCode !== null)
    return
  const exit = new Promise(done => child.once('exit', done))
  child.kill('SIGKILL')
  await exit
}

const brief = e => e.message.replace(/\x1b\[[0-9;]*m/g, '').split('\n').filter(l => l.trim()).slice(0, 4).join(' | ')

async function one({ name, promise, work }) {
  const t = new Fixture(), began = Date.now()
  for (const end of ['.png', '.log'])
    rmSync(join(kept, name + end), { force: true })
  let timer, fault = null
  const late = new Promise((_, no) => { timer = setTimeout(() => no(new Error(`over ${TEST_MS / 1000} s`)), TEST_MS) })
  try {
    await Promise.race([work(t), late])
    if (t.faults.length)
      throw new Error(t.faults.join(' | '))
  } catch (e) {
    fault = e
    await t.keep(name)
  }
  clearTimeout(timer)
  await t.finish()
  if (!fault && t.faults.length)
    fault = new Error(t.faults.join(' | '))
  console.log(fault ? `not ok - ${name}: ${promise}: ${brief(fault)} (${kept}/${name}.png)` : `ok - ${name}: ${promise}`)
  console.log(`# ${name} took ${Date.now() - began} ms`)
  return !fault
}

function groups(list) {
  const all = []
  for (const x of list)
    if (x.group && all.length && all[all.length - 1][0].group === x.group)
      all[all.length - 1].push(x)
    else
      all.push([x])
  return all
}

/* The tests of a group, at most MOST at a time. */
async function together(group) {
  const rest = [...group]
  let well = true
  const work = async () => {
    while (rest.length)
      well = await one(rest.shift()) && well
  }
  await Promise.all(Array.from({ length: MOST }, work))
  return well
}

/** Run the tests of the modules that were loaded.  Returns whether all passed. */
export async function runAll() {
  let well = true
  mkdirSync(kept, { recursive: true })
  browser = await chromium.launch({
    executablePath: env.CHROMIUM, chromiumSandbox: process.getuid() !== 0, timeout: WAIT_MS,
    args: ['--disable-gpu', '--disable-gpu-rasterization', '--disable-gpu-compositing']
  })
  try {
    for (const group of groups(tests.filter(x => !env.BROWSER || x.name.includes(env.BROWSER))))
      well = await together(group) && well
  } finally {
    await browser.close()
  }
  return well
}
