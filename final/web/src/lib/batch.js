// The nodes at one address in several modules, with the base of each module, so that a change
// of all of them is refused when one was changed meanwhile.
import { get } from './api.js'

export const OPERATIONS_MAX = 500     // of one change
const AT_ONCE = 4                     // requests

/** address: "10.0.1.7" is each node of the host, "10.0.1.7:8001" one node.  <state>: only those
 *  that are not in it yet. */
export async function nodesAt(modules, address, state) {
  const nodes = [], bases = [], left = [...modules]
  const is = n => (n.node === address || n.node.startsWith(address + ':')) && n.state !== state
  async function work() {
    for (let id = left.shift(); id; id = left.shift()) {
      const m = await get('/modules/' + id), mine = m.items.filter(is)
      if (mine.length)
        bases.push({ module: id, sum: m.base })
      nodes.push(...mine.map(n => ({ module: id, node: n.node })))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  const order = id => modules.indexOf(id)
  nodes.sort((a, b) => order(a.module) - order(b.module))
  return { nodes, bases }
}
