// node web/test/browser/run.mjs NAME...: the tests of each NAME.mjs, one file after the other;
// test/lib/browser.sh starts it.
import { runAll } from './harness.mjs'

for (const name of process.argv.slice(2))
  await import(`./${name}.mjs`)
process.exit(await runAll() ? 0 : 1)
