#!/bin/sh
# The hook for Kubernetes and its manifests.  There is no cluster here: kubectl is
# test/lib/fake-kubectl, and the manifests are held against the schema of the API.
set -u
cd "$(dirname "$0")/.."
[ -z "${LARS_MODE:-}" ] || { echo "skip - the hook for Kubernetes: not under $LARS_MODE"; exit 0; }
[ -d web/node_modules/kubernetes-models ] ||
    { echo 'skip - the hook for Kubernetes: the schema is not in web/node_modules; make web fetches it'; exit 0; }
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
node web/test/manifests.mjs "$tmp/site.json" && python3 test/lib/hook_k8s.py "$tmp/site.json"
