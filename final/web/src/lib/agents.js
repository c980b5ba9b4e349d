// The agents of a change of several modules: each once, in the worst of its states.
const WORST = ['in_force', 'not_known', 'behind', 'silent']

/** modules: [{module, agents: [{agent, state, silent_s}] or null}].  Null when no module is known. */
export function agentsOf(modules) {
  const of = new Map()
  for (const a of modules.flatMap(m => m.agents || [])) {
    const seen = of.get(a.agent)
    if (!seen || WORST.indexOf(a.state) > WORST.indexOf(seen.state))
      of.set(a.agent, a)
  }
  return modules.length && modules.every(m => !m.agents) ? null : [...of.values()]
}
