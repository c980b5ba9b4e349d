"""The tests of e2e_hook_k8s.sh: lars-hook-k8s with test/lib/fake-kubectl."""
import json
import os
import re
import subprocess
import sys
import tempfile
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
HOOK = os.path.join(HERE, "../../deploy/hooks/k8s/lars-hook-k8s")
A, B = "app=lars-site,lars-zone=a", "app=lars-site,lars-zone=b"
tests = []
tmp = tempfile.mkdtemp()
CLUSTER, INI = os.path.join(tmp, "cluster.json"), os.path.join(tmp, "hook.ini")


def test(function):
    tests.append(function)
    return function


def put(**change):
    cluster = {
        "deployments": {
            "lars-site-a": {"replicas": 2, "version": 7, "selector": A},
            "lars-site-b": {"replicas": 3, "version": 9, "selector": B},
        },
        "configmaps": {"lars-fence": {"version": 4, "data": {"fence": "5"}}},
        "pods": [],
    }
    cluster.update(change)
    with open(CLUSTER, "w", encoding="utf-8") as f:
        json.dump(cluster, f)


def look():
    with open(CLUSTER, encoding="utf-8") as f:
        return json.load(f)


def config(kubectl=f"{HERE}/fake-kubectl",
           module="deployment = lars-site-{zone}\nport = 8080\n"):
    with open(INI, "w", encoding="utf-8") as f:
        f.write(f"[k8s]\nkubectl = {kubectl}\nkubeconfig = {CLUSTER}\ntimeout_s = 1\n"
                f"[module 20/1]\n{module}")


def hook(*args):
    """(exit status, standard output, standard error), with the environment of a hook."""
    done = subprocess.run([HOOK, "-c", INI, *args], env={"PATH": "/usr/bin:/bin"},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def same(got, wanted):
    assert got == wanted, f"{got!r} instead of {wanted!r}"


def failed(result, status, *parts):
    same((result[0], result[1]), (status, ""))
    for part in parts:
        assert part in result[2], f"{part!r} is not in {result[2]!r}"
    same(result[2].count("\n"), 1)


def pod(name, **more):
    return dict({"name": name, "selector": A, "ready": True, "ip": "10.1.0.1"}, **more)


@test
def listed_pods_have_the_state_that_a_caller_can_use():
    put(pods=[
        pod("p-new", phase="Pending", ready=False, ip=""),
        pod("p-pulled", phase="Pending", ready=False, ip="10.1.0.2"),
        pod("p-unready", ready=False, ip="10.1.0.3"),
        pod("p-ready", ip="10.1.0.4"),
        pod("p-leaving", ip="10.1.0.5", deleted=True),
        pod("p-left", ip="", deleted=True),
        pod("p-lost", phase="Unknown", ip="10.1.0.6"),
        pod("p-done", phase="Succeeded"),
        pod("p-dead", phase="Failed"),
        pod("p-of-b", selector=B),
    ])
    same(hook("list", "20/1", "a"), (0, "p-new - - starting\n"
                                     "p-pulled 10.1.0.2 8080 starting\n"
                                     "p-unready 10.1.0.3 8080 starting\n"
                                     "p-ready 10.1.0.4 8080 ready\n"
                                     "p-leaving 10.1.0.5 8080 stopping\n"
                                     "p-lost 10.1.0.6 8080 stopping\n", ""))
    same(hook("list", "20/1", "b"), (0, "p-of-b 10.1.0.1 8080 ready\n", ""))


@test
def no_pods_are_an_empty_list_and_no_deployment_is_none():
    put()
    same(hook("list", "20/1", "a"), (0, "", ""))
    failed(hook("list", "20/1", "c"), 78, "lars-site-c", "NotFound")


@test
def a_list_that_is_not_whole_or_not_a_list_is_not_printed():
    put(list_metadata={"continue": "more"}, pods=[pod("p")])
    failed(hook("list", "20/1", "a"), 75, "not complete")
    for out in ("", "[]", "{", '{"items": 3}', '{"items": [3]}', '{"items": [{}]}',
                '{"items": [{"metadata": {"name": 3}}]}', '{"items": [{"metadata": []}]}',
                '{"items": [{"metadata": {"name": "x y 1.2.3.4 1 ready"}}]}'):
        put(before={"GET /api/v1/namespaces/lars/pods": {"out": out}})
        failed(hook("list", "20/1", "a"), 75)
    put(pods=[pod("p-1"), pod("p-6", ip="fd00::1")])
    failed(hook("list", "20/1", "a"), 78, "p-6", "IPv4")


@test
def the_number_of_an_order_is_written_once_with_its_fence():
    put()
    same(hook("scale", "20/1", "a", "6", "8"), (0, "", ""))
    now = look()
    same(now["deployments"]["lars-site-a"], {"replicas": 6, "version": 8, "selector": A})
    same(now["deployments"]["lars-site-b"]["version"], 9)
    same(now["configmaps"]["lars-fence"]["data"], {"fence": "8"})
    same(hook("scale", "20/1", "a", "6", "8"), (0, "", ""))
    same(look(), now)


@test
def an_order_of_a_former_leader_is_refused():
    put()
    failed(hook("scale", "20/1", "a", "9", "4"), 1, "former leader")
    same(look()["deployments"]["lars-site-a"]["replicas"], 2)
    same(hook("scale", "20/1", "a", "9", "5")[0], 0)
    same(look()["deployments"]["lars-site-a"]["replicas"], 9)


@test
def an_order_that_another_one_overtakes_is_not_written():
    """The Scale object is read, then the fence; the successor writes in between."""
    put()
    with open(CLUSTER, encoding="utf-8") as f:
        old = json.load(f)
    stale = {"metadata": {"resourceVersion": "7"}, "spec": {"replicas": 2}}
    old["deployments"]["lars-site-a"].update(replicas=4, version=8)
    old["before"] = {"GET /apis": {"out": json.dumps(stale)}}
    with open(CLUSTER, "w", encoding="utf-8") as f:
        json.dump(old, f)
    failed(hook("scale", "20/1", "a", "9", "5"), 75, "Conflict")
    same(look()["deployments"]["lars-site-a"]["replicas"], 4)


@test
def a_fence_that_is_no_number_is_a_matter_of_configuration():
    put(configmaps={"lars-fence": {"version": 1, "data": {"fence": "x"}}})
    failed(hook("scale", "20/1", "a", "3", "9"), 78, "lars-fence")
    put(configmaps={"lars-fence": {"version": 1, "data": None}})
    same(hook("scale", "20/1", "a", "3", "9")[0], 0)
    same(look()["configmaps"]["lars-fence"]["data"], {"fence": "9"})


@test
def what_kubectl_says_becomes_the_exit_status():
    for text, status in (
        ("Unable to connect to the server: dial tcp 10.0.0.1:6443: i/o timeout", 75),
        ("The connection to the server 10.0.0.1:6443 was refused", 75),
        ("Error from server (ServiceUnavailable): the server is unable to handle it", 75),
        ("Error from server (TooManyRequests): too many requests", 75),
        ("Error from server (Forbidden): deployments is forbidden", 78),
        ("error: You must be logged in to the server (Unauthorized)", 78),
        ("error: context \"x\" does not exist", 78),
        ("error: something else", 1),
    ):
        put(before={"GET": {"text": text, "status": 1}})
        failed(hook("list", "20/1", "a"), status, text[:30])
        failed(hook("scale", "20/1", "a", "3", "9"), status, text[:30])
    put(before={"GET": {"text": "", "status": 3}})
    failed(hook("list", "20/1", "a"), 1, "exit status 3")


@test
def a_kubectl_that_does_not_answer_is_asked_again_later():
    put(before={"GET": {"hang_s": 30}})
    failed(hook("list", "20/1", "a"), 75, "3 s")


@test
def wrong_configuration_and_arguments_say_what_is_wrong():
    put()
    failed(hook("list", "20/2", "a"), 78, "[module 20/2]")
    failed(hook("list", "20/1", "A;rm -rf /"), 78, "not the name of a Deployment")
    failed(hook("scale", "20/1", "a", "-3", "9"), 78, "'-3'")
    failed(hook("scale", "20/1", "a", "3", "x"), 78, "'x'")
    same(hook("scale", "20/1", "a", "3")[0], 2)
    same(hook("remove", "20/1", "a")[0], 2)
    config(module="deployment = lars-site-{zone}\nport = 0x50\n")
    failed(hook("list", "20/1", "a"), 78, "0x50")
    config(kubectl=f"{tmp}/none")
    failed(hook("list", "20/1", "a"), 78, "cannot execute", "none")
    os.remove(INI)
    failed(hook("list", "20/1", "a"), 78, INI)


@test
def no_more_is_asked_than_the_role_allows():
    """The Role of site.yaml, as JSON in argv[1], against every request of these tests."""
    with open(sys.argv[1], encoding="utf-8") as f:
        rules = next(o["rules"] for o in json.load(f) if o["kind"] == "Role")
    allowed = {
        (v, r, n) for rule in rules for v in rule["verbs"] for r in rule["resources"]
        for n in rule.get("resourceNames", ["*"])
    }
    used = set()
    with open(CLUSTER + ".calls", encoding="utf-8") as f:
        for line in f:
            verb, path = line.split()
            m = re.match(r"/apis/apps/v1/namespaces/lars/deployments/([^/]+)/scale$", path)
            c = re.match(r"/api/v1/namespaces/lars/configmaps/([^/]+)$", path)
            if m:
                used.add(("get" if verb == "GET" else "update", "deployments/scale", m[1]))
            elif c:
                used.add(("get" if verb == "GET" else "update", "configmaps", c[1]))
            else:
                assert path.startswith("/api/v1/namespaces/lars/pods?labelSelector="), line
                used.add(("list", "pods", "*"))
    used.discard(("get", "deployments/scale", "lars-site-c"))  # there is none
    used.add(("update", "deployments/scale", "lars-site-b"))  # as a does
    same(used, allowed)


bad = 0
for run in tests:
    config()
    try:
        run()
        print("ok -", run.__name__.replace("_", " "))
    except Exception:  # pylint: disable=broad-except
        bad = 1
        print("not ok -", run.__name__.replace("_", " "))
        traceback.print_exc()
subprocess.run(["rm", "-rf", tmp], check=False)
sys.exit(bad)
