// node web/test/browser/run.mjs NAME: the tests of NAME.mjs; test/lib/browser.sh starts it.
import { runAll } from './harness.mjs'

await import(`./${process.argv[2]}.mjs`)
process.exit(await runAll() ? 0 : 1)
