// The detail of an alarm in the page's language.  lars-reportd writes one of a few English
// sentences; each has its pattern here, whose groups are the values of the key.  A sentence
// without a pattern is shown as it is.  test/details.mjs compares this list with lars-reportd.
import { t } from './i18n.js'

export const DETAILS = [
  ['no_calls', /^of (?<modules>.+): no calls from (?<n>\d+) host\(s\): (?<hosts>.*)$/],
  ['none_well', /^of (?<modules>.+): none of (?<calls>\d+) calls in 10 s succeeded$/],
  ['zone_quiet', /^(?<n>\d+) nodes:(?<nodes>.*?) silent: (?<names>.*)$/],
  ['zone', /^(?<n>\d+) nodes:(?<nodes>.*)$/],
  ['unreached', /^host (?<host>\S+) reaches none of its (?<n>\d+) nodes$/],
  ['all_drained', /^all of its nodes are drained$/],
  ['failed', /^(?<percent>[\d.]+) % of (?<calls>\d+) calls in (?<s>\d+) s failed$/],
  ['slow', /^1 % of (?<calls>\d+) calls took longer than (?<ms>\d+) ms \(limit (?<limit>\d+) ms\)$/],
  ['quiet', /^(?<service>\S+): nothing for (?<s>\d+) s$/],
  ['held', /^(?<gone>\d+) of (?<had>\d+) nodes would go; held by (?<dnsd>.*)$/],
  ['stale', /^serves version (?<version>\d+), the database has (?<wanted>\d+)$/],
  ['other_nodes', /^uses other nodes of (?<module>\S+) than the database$/],
  ['one_stream', /^the agents at (?<a>\S+) and (?<b>\S+) send the same report stream; /],
  ['two_services', /^the agents (?<a>\S+) and (?<b>\S+) send the same report stream to two Report Services; /],
  ['database', /^cannot be used: (?<why>.*)$/]
]

export function detailOf(text) {
  for (const [key, pattern] of DETAILS) {
    const m = pattern.exec(text || '')
    if (m)
      return t('detail.' + key, Object.fromEntries(Object.entries(m.groups || {}).map(([k, v]) => [k, v.trim()])))
  }
  return text || ''
}

/** The modules that the detail of an alarm of a node names. */
export const modulesOf = text => /^of ([^:]*):/.exec(text || '')?.[1].match(/\d+\/\d+/g) || []
