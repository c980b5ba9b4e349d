// The exhibition site as visitors see it, through the gateways of two zones.
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { look } from './examine.mjs'
import { holds, larsctl, pid, run, same, see, sql, test, until } from './harness.mjs'

const port = process.env.LARS_GATEWAY, site = { a: `http://127.0.0.1:${port}`, b: `http://127.0.0.2:${port}` }
const WORDS = {
  zh: { html: 'zh-CN', other: 'EN', highlights: '精选展品', find: '小麦', sample: '样例', copy: /您看到的是本站在 .* 保存的副本/ },
  en: { html: 'en', other: '中文', highlights: 'Highlights', find: 'wheat', sample: 'Sample', copy: /This is a copy of the site, saved on / }
}

/* A window that remembers what failed: requests without an answer, and answers of 400 and up.
 * The browser itself gives up what belongs to a page that the visitor has left. */
async function visitor(t, options = {}) {
  const page = await t.window(options)
  page.failed = []
  page.on('requestfailed', r => r.failure().errorText !== 'net::ERR_ABORTED' && page.failed.push(`${r.url()}: ${r.failure().errorText}`))
  page.on('response', r => r.status() >= 400 && page.failed.push(`${r.url()}: ${r.status()}`))
  return page
}

/* All pictures are there, and not only their places. */
const pictured = page => until('all pictures are shown', () => page.evaluate(() =>
  document.images.length > 0 && [...document.images].every(i => i.complete && i.naturalWidth > 0)))

/* The pages that a visitor opens from the home page: up to <most> exhibits. */
const links = (page, most) => page.evaluate(n => [...new Set([...document.querySelectorAll('main a[href]')].map(a => a.href))].slice(0, n), most)

for (const [language, w] of Object.entries(WORDS))
  test(`site_${language}`, 'a visitor goes from the home page to an exhibit, searches, and changes the language, without script', async t => {
    const page = await visitor(t, { javaScriptEnabled: false })
    await page.goto(`${site.a}/${language}/`)
    same(await page.evaluate(() => document.documentElement.lang), w.html, 'the language of the page')
    await see(page.getByRole('heading', { name: w.highlights }))
    await pictured(page)
    await page.locator('main li a').first().click()
    await see(page.getByRole('article').getByRole('heading', { level: 1 }))
    await see(page.getByText(w.sample, { exact: true }))
    await pictured(page)
    await page.getByRole('searchbox').fill(w.find)
    await page.keyboard.press('Enter')
    await page.waitForURL(/search\?q=/)
    holds(await page.locator('main li a').count() > 0, `the search for ${w.find} finds an exhibit`)
    await page.locator('main li a').first().click()
    const exhibit = page.url().split('/').pop()
    await page.getByRole('link', { name: w.other, exact: true }).click()
    await until('the other language', async () => await page.evaluate(() => document.documentElement.lang) !== w.html)
    same(page.url().split('/').pop(), exhibit, 'the exhibit in the other language')
    same(page.failed, [], 'what failed')
  })

for (const [language, colorScheme] of [['zh', 'light'], ['en', 'dark']])
  test(`site_axe_${language}_${colorScheme}`, 'axe-core finds no violation, which includes the contrast, and 360 px show each page as a whole', async t => {
    const page = await visitor(t, { colorScheme })
    await page.goto(`${site.a}/${language}/`)
    const [category, exhibit] = await page.evaluate(() => ['chips', 'grid'].map(c => document.querySelector(`main .${c} a`).href))
    for (const url of [page.url(), category, exhibit, `${site.a}/${language}/search?q=a`, `${site.a}/${language}/search?q=nothing-like-it`, `${site.a}/${language}/editions`, `${site.a}/${language}/no-such-page`]) {
      await page.goto(url)
      await look(page, url)
    }
  })

/* Every page of the copy that a visitor can reach in this language, with its pictures.  Without
 * script a browser loads those below the window as well.  Returns the addresses. */
async function openCopy(page, base, language) {
  const queue = [`${base}/${language}/`], seen = new Set(queue)
  for (const url of queue) {
    const answer = await page.goto(url)
    same([answer.status(), answer.headers()['lars-static']], [200, '1'], `the status of ${url} and its field Lars-Static`)
    const found = await page.evaluate(() => ({
      lang: document.documentElement.lang, lines: [...document.querySelectorAll('[role=status]')].map(e => `${e.lang}: ${e.innerText}`),
      broken: [...document.images].filter(i => i.naturalWidth === 0).map(i => i.src),
      links: [...document.querySelectorAll('a[href]')].map(a => a.href.replace(/[?#].*/, ''))
    }))
    same(found.lang, WORDS[language].html, `the language of ${url}`)
    holds(found.lines.length === 1 && found.lines[0].startsWith(found.lang) && WORDS[language].copy.test(found.lines[0]), `${url} says that it is a copy, in its language: ${found.lines}`)
    same(found.broken, [], `the pictures of ${url} that are not there`)
    for (const link of found.links)
      if (link.startsWith(`${base}/${language}/`) && !seen.has(link)) {
        seen.add(link)
        queue.push(link)
      }
  }
  return queue
}

const nodes = ['1.1', '1.2', '2.1', '2.2'].map(n => `showcase-${n}`)

/* Has the copy answered?  Each time another path, so that no cache does. */
let asked = 0
const fromCopy = async base => (await fetch(`${base}/no-such-page/${asked++}`)).headers.get('lars-static') === '1'

/* The visitor comes by the gateway whose cache has no page yet: it would show an older page
 * of the site before one of the copy. */
test('site_static_copy', 'when all nodes have ended, each page of the copy is there in both languages with its pictures and says that it is a copy; afterwards the site is live', async t => {
  await larsctl('site', 'snapshot')
  for (const c of JSON.parse(await larsctl('-o', 'json', 'site', 'status')))
    same([c.copy, c.reason, c.snapshot, c.broken], ['yes', 'live', 'done', 0], `the copy of ${c.gateway}`)
  const page = await visitor(t, { javaScriptEnabled: false }), examined = await visitor(t), restart = nodes.map(n => t.kill(n, 'showcase-node', '-c', join(run, n + '.ini')))
  for (const base of Object.values(site))
    await until(`the copy of ${base} is used`, () => fromCopy(base))
  for (const language of Object.keys(WORDS)) {
    const urls = await openCopy(page, site.b, language)
    console.log(`# ${urls.length} pages of the copy in ${language}`)
    for (const url of [urls[0], urls.find(u => u.includes('/exhibit/'))]) {
      await examined.goto(url)
      await look(examined, url)
    }
  }
  same([...page.failed, ...examined.failed], [], 'what failed')
  restart.forEach(again => again())
  for (const base of Object.values(site))
    await until(`the site is live at ${base}`, async () => !(await Promise.all(Array.from({ length: 20 }, () => fromCopy(base)))).includes(true))
  await page.goto(`${site.b}/zh/`)
  await see(page.getByRole('heading', { name: WORDS.zh.highlights }))
  same(await page.getByText(WORDS.zh.copy).count(), 0, 'lines that say that this is a copy')
})

/* Opens <n> pages with their pictures; the copies of the gateways may serve all of them, and a
 * visitor whom copies serve has no visit. */
async function browse(page, base, n) {
  await page.goto(`${base}/zh/`)
  for (const url of await links(page, n)) {
    await page.goto(url)
    await see(page.getByRole('heading', { level: 1 }))
  }
}

test('site_node_killed', 'a node ends while a visitor looks at pages, and the visitor sees nothing of it', async t => {
  const page = await visitor(t)
  await browse(page, site.a, 3)
  process.kill(pid('showcase-1.1'), 'SIGKILL')
  await browse(page, site.a, 12)
  same(page.failed, [], 'what failed')
})

test('site_zone_killed', 'a zone ends, with its nodes, its agent and its services; visitors of both gateways see nothing of it', async t => {
  const a = await visitor(t), b = await visitor(t)
  await Promise.all([browse(a, site.a, 3), browse(b, site.b, 3)])
  for (const name of ['showcase-1.2', 'lars-agentd-a', 'lars-dnsd-a', 'lars-reportd-a'])
    process.kill(pid(name), 'SIGKILL')
  await Promise.all([browse(a, site.a, 20), browse(b, site.b, 20)])
  same([...a.failed, ...b.failed], [], 'what failed')
})

/* Opens a page that no gateway has a copy of, so a node serves it and the visit begins or goes on. */
const fromNode = (page, base) => page.goto(`${base}/zh/search?q=${randomUUID()}`)

test('site_other_gateway', 'a visitor whose gateway has ended goes on at the other one, as the same visit', async t => {
  const page = await visitor(t)
  await browse(page, site.a, 2)
  await fromNode(page, site.a)
  const before = (await page.context().cookies(site.a)).find(c => c.name === 'lars_v')
  holds(before, 'the visit has a cookie')
  process.kill(pid('lars-gateway-a'), 'SIGKILL')
  await page.context().addCookies([{ ...before, domain: '127.0.0.2' }])
  await fromNode(page, site.b)
  await browse(page, site.b, 4)
  same(page.failed.filter(f => f.startsWith(site.b)), [], 'what failed at the other gateway')
  const after = (await page.context().cookies(site.b)).find(c => c.name === 'lars_v')
  same(after.value, before.value, 'the cookie that the other gateway accepts')
})

test('site_waiting_page', 'above the capacity a new visitor gets the waiting page in the own language and enters by it when there is room', async t => {
  const at = `127.0.0.2:${Number(port) + 1}`, node = `127.0.2.9:${Number(port) + 2}`
  writeFileSync(join(run, 'small.rules'), '[rule small]\npath = /\nmodule = 12/1\ncache_ms = 0\n')
  writeFileSync(join(run, 'small.ini'), `[gateway]\nlisten = ${at}\nrules = ${run}/small.rules\nloops = 1\nloops_max = 1\n` +
    `[admission]\nunmeasured = 1\nqueue_new_ms = 0\n[agent]\naddress = 127.0.0.2\nport = ${process.env.LARS_PORT}\ndir = ${run}/b\n`)
  t.start('http_node', '--delay-ms', '1500', '--workers', '1', node)
  await sql(`INSERT INTO RouteData (modid, cmdid, serverip, serverport, zone) VALUES (12, 1, INET_ATON('${node.split(':')[0]}'), ${node.split(':')[1]}, 'b')`)
  t.after(() => sql('SET @lars_confirmed = 1; DELETE FROM RouteData WHERE modid = 12'))
  t.start('lars-gateway', '-c', join(run, 'small.ini'))
  await until('the small gateway answers', async () => (await fetch(`http://${at}/`)).status === 200)
  let load = true
  const others = Array.from({ length: 4 }, async () => {
    while (load)
      await fetch(`http://${at}/`).then(r => r.text()).catch(() => {})
  })
  t.after(async () => { load = false; await Promise.all(others) })
  for (const [locale, text] of [['zh-CN', '请稍候'], ['en', 'Please wait a moment']]) {
    const page = await t.window({ locale })
    await until(`the waiting page in ${locale}`, async () => {
      const answer = await page.goto(`http://${at}/`)
      return answer.status() === 503 && Number(answer.headers()['retry-after']) > 0 && await page.getByText(text).first().isVisible()
    })
    await look(page, `the waiting page in ${locale}`, { 'meta-refresh': { enabled: false } }) // without script it loads itself in no other way
    if (locale === 'en') {
      load = false
      await until('the page has loaded itself and the visitor is inside', async () => !await page.getByText(text).first().isVisible(), 90000)
    }
  }
})
