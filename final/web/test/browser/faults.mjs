// Alarms, what is down, and the display.
import { see, test } from './harness.mjs'

test('viewer_sees_overview', 'a viewer who has logged in sees how many calls succeed', async t => {
  const page = await t.open('viewer', '/')
  await see(page.getByText(/calls\/s, .* % well/))
})
