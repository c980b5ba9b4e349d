// The manifests of deploy/hooks/k8s follow the schema of the Kubernetes API (of the package
// kubernetes-models) and the rules that the autoscaler relies on.  Writes the objects of
// site.yaml as JSON to the file of its argument.
import { readFileSync, writeFileSync } from 'node:fs'
import yaml from 'js-yaml'
import { Deployment } from 'kubernetes-models/apps/v1'
import { Role, RoleBinding } from 'kubernetes-models/rbac.authorization.k8s.io/v1'
import { ConfigMap, Namespace, ServiceAccount } from 'kubernetes-models/v1'

const file = new URL('../../deploy/hooks/k8s/site.yaml', import.meta.url).pathname
const kinds = {
  'v1 Namespace': Namespace,
  'v1 ConfigMap': ConfigMap,
  'v1 ServiceAccount': ServiceAccount,
  'rbac.authorization.k8s.io/v1 Role': Role,
  'rbac.authorization.k8s.io/v1 RoleBinding': RoleBinding,
  'apps/v1 Deployment': Deployment
}
let faults = 0

function check(what, ok, why = '') {
  console.log(`${ok ? 'ok' : 'not ok'} - ${what}${ok ? '' : ': ' + why}`)
  faults += !ok
}

function fault(object) {
  const Kind = kinds[`${object.apiVersion} ${object.kind}`]
  if (!Kind)
    return 'its kind is not among those of this page'
  try {
    new Kind(object).validate()
    return ''
  } catch (e) {
    return e.message
  }
}

const objects = yaml.loadAll(readFileSync(file, 'utf8'))
for (const o of objects)
  check(`${o.kind} ${o.metadata.name} follows the schema`, fault(o) === '', fault(o))
const wrong = structuredClone(objects.find(o => o.kind === 'Deployment'))
wrong.spec.template.spec.terminationGracePeriodSeconds = 'long'
check('the schema sees a wrong type', fault(wrong) !== '')

for (const d of objects.filter(o => o.kind === 'Deployment')) {
  const pod = d.spec.template.spec, name = d.metadata.name
  check(`${name} leaves the number of pods to Lars`, !('replicas' in d.spec))
  check(`${name} runs in the zone of its name`,
    name.endsWith('-' + pod.nodeSelector['topology.kubernetes.io/zone']))
  check(`the selector of ${name} finds its pods`, Object.entries(d.spec.selector.matchLabels)
    .every(([k, v]) => d.spec.template.metadata.labels[k] === v))
  for (const c of pod.containers) {
    check(`${name} is ready when its check passes`, c.readinessProbe.httpGet.path === '/healthz')
    const wait = Number(c.lifecycle.preStop.exec.command[1])
    check(`${name} answers for 5 s after it is listed as stopping`, wait >= 5)
    check(`${name} has time to end its requests`, pod.terminationGracePeriodSeconds >= wait + 30)
  }
}
check('the two Deployments differ in their zone only', new Set(objects
  .filter(o => o.kind === 'Deployment')
  .map(o => JSON.stringify(o).replaceAll(`-${o.metadata.name.at(-1)}"`, '-Z"')
    .replaceAll(`:"${o.metadata.name.at(-1)}"`, ':"Z"'))).size === 1)
writeFileSync(process.argv[2], JSON.stringify(objects))
process.exit(faults ? 1 : 0)
