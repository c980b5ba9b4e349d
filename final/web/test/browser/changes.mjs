// Problems, changes of routes and their effect.
import { panel, row, see, test } from './harness.mjs'

test('no_csp_error', 'no page breaks the Content-Security-Policy or throws', async t => {
  const page = await t.open('admin', '/')
  await see(panel(page, 'Zones'))
  for (const name of ['Modules', 'Zones', 'Alarms', 'Changes', 'Services', 'About']) {
    await page.getByRole('navigation', { name: 'Menu' }).getByRole('link', { name }).click()
    await see(page.getByRole('heading', { level: 1, name }))
  }
})
