"""The compose file on plain processes: a private RabbitMQ with our configuration, two coordinators, three workers of two
pools, a folder as the store, Prometheus with our rules. A job is submitted and done; a worker is killed; another job is done.
What each process tells of itself is kept for `cargo xtask validate-deploy --scrape FOLDER`. Then all coordinators are
killed, and later the workers of a pool: with all durations of the rules divided by 20, exactly their alerts fire.

  python3 deploy/try/fleet.py PROGRAM FOLDER

Settings come from compose.yaml; only addresses and folders are replaced by those of this machine. Needs PyYAML, and
Debian's rabbitmq-server and prometheus."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM, FOLDER = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
STARTED = []
# Ports of name registries, which outlive their nodes.
REGISTRIES = []
# A job that ended as it should: with a winner, or with none behind the gate.
DONE = (0, 4)
# What the faults of `faults` must raise, and nothing else.
EXPECTED = ["SynthfleetCoordinatorDown", "SynthfleetNoWorkers"]
FASTER = 20


def free_ports(count):
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def start(name, command, environment):
    log = (FOLDER / f"{name}.log").open("w", encoding="utf-8")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    STARTED.append(process)
    return process


def until(what, seconds, done):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if done():
                return
        except OSError:
            pass
        time.sleep(0.3)
    sys.exit(f"FAILED: {what} not within {seconds} s; logs in {FOLDER}")


def get(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read().decode()


def broker():
    """A node from deploy/rabbitmq as it is, on ports of its own."""
    amqp, distribution, registry = free_ports(3)
    home = FOLDER / "rabbitmq"
    definitions = home / "definitions"
    definitions.mkdir(parents=True)
    shutil.copy(FOLDER / "secrets/users.json", definitions / "00-users.json")
    shutil.copy(ROOT / "rabbitmq/definitions.json", definitions / "10-topology.json")
    text = (ROOT / "rabbitmq/rabbitmq.conf").read_text(encoding="utf-8")
    text = text.replace("/etc/rabbitmq-definitions", str(definitions))
    (home / "rabbitmq.conf").write_text(f"{text}\nlisteners.tcp.default = 127.0.0.1:{amqp}\ndisk_free_limit.absolute = 1MB\n")
    (home / "enabled_plugins").write_text("[].\n")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "RABBITMQ_NODENAME": f"try{amqp}@localhost",
        "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(home / "data"),
        "RABBITMQ_LOG_BASE": str(home / "log"),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "ERL_EPMD_PORT": str(registry),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }
    REGISTRIES.append(registry)
    start("rabbitmq", ["/usr/lib/rabbitmq/bin/rabbitmq-server"], environment)
    # the last lines of a start: the listener opens after the definitions are imported
    until("the broker", 90, lambda: socket.create_connection(("127.0.0.1", amqp), 1).close() is None)
    return amqp


def settings(service, amqp, api, admin):
    """The variables of a service of compose.yaml, with the places of this machine."""
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    found = compose["services"][service]
    secret = found["secrets"][0]["source"]
    own = {"PATH": os.environ["PATH"], "HOME": str(FOLDER)}
    for name, value in found["environment"].items():
        value = value.replace("rabbitmq:5672", f"127.0.0.1:{amqp}").replace("/run/secrets/broker", str(FOLDER / f"secrets/{secret}.password"))
        value = value.replace("file:///store", f"file://{FOLDER}/store").replace("/scratch", str(FOLDER / "scratch"))
        # gauges of queues are as old as the last sweep
        own["SYNTHFLEET_COORDINATOR_SWEEP_SECONDS"] = "1"
        own[name] = value.replace("0.0.0.0:8080", f"127.0.0.1:{api}").replace("0.0.0.0:9090", f"127.0.0.1:{admin}")
    return own, found["command"]


def scenario():
    (FOLDER / "store").mkdir(parents=True)
    (FOLDER / "scratch").mkdir()
    shutil.copy(ROOT / "secrets.sh", FOLDER / "secrets.sh")
    subprocess.run(["bash", str(FOLDER / "secrets.sh")], check=True)
    amqp = broker()
    services = {name: name for name in ("coordinator-1", "coordinator-2", "worker-light", "worker-heavy")}
    services["worker-heavy-2"] = "worker-heavy"
    api = dict(zip(services, free_ports(len(services))))
    admin = dict(zip([*services, "worker-again"], free_ports(len(services) + 1)))

    def run(service, name):
        environment, command = settings(service, amqp, api[service], admin[name])
        return start(name, [str(PROGRAM), *command], environment)

    processes = {name: run(service, name) for name, service in services.items()}
    for name in services:
        until(f"{name} ready", 60, lambda name=name: get(f"http://127.0.0.1:{admin[name]}/readyz"))
    prometheus(list(admin.values()))
    made = subprocess.run(
        [str(PROGRAM), "token", "new", "--store", f"file://{FOLDER}/store", "--every-tenant", "--scope", "admin"],
        capture_output=True, text=True, check=True)
    token = next(word for word in made.stdout.split() if word.startswith("sf_"))
    client = {
        "PATH": os.environ["PATH"],
        "HOME": str(FOLDER),
        "SYNTHFLEET_CLIENT_TOKEN": token,
        "SYNTHFLEET_CLIENT_SERVER": f"http://127.0.0.1:{api['coordinator-2']}",
    }

    def submit(seed):
        command = [str(PROGRAM), "submit", "sim:demo", "--preset", "quick", "--seed", str(seed), "--wait"]
        return start(f"submit-{seed}", command, client)

    def known():
        listed = subprocess.run([str(PROGRAM), "workers", "ls"], env=client, capture_output=True, text=True, check=False).stdout
        return "light" in listed and "heavy" in listed

    until("workers that coordinators know", 60, known)
    if submit(1).wait(timeout=240) not in DONE:
        sys.exit(f"FAILED: the first job is not done; logs in {FOLDER}")
    print("ok: submit, done")
    second = submit(2)
    time.sleep(2)
    os.killpg(processes["worker-light"].pid, signal.SIGKILL)
    again = run("worker-light", "worker-again")
    if second.wait(timeout=400) not in DONE:
        sys.exit(f"FAILED: the job after the kill is not done; logs in {FOLDER}")
    print("ok: a worker killed, done all the same")
    scrape = FOLDER / "scrape"
    scrape.mkdir()
    for name, port in admin.items():
        if name != "worker-light":
            (scrape / f"{name}.txt").write_text(get(f"http://127.0.0.1:{port}/metrics"), encoding="utf-8")
    processes["worker-light"] = again
    faults(processes, run, submit, admin)


def faults(processes, run, submit, admin):
    """No coordinator for a while, then no worker of the pool that a job waits for."""
    for name in ("coordinator-1", "coordinator-2"):
        os.killpg(processes[name].pid, signal.SIGKILL)
    until_fired("SynthfleetCoordinatorDown")
    for name in ("coordinator-1", "coordinator-2"):
        run(name, name)
    for name in ("coordinator-1", "coordinator-2"):
        until(f"{name} ready again", 60, lambda name=name: get(f"http://127.0.0.1:{admin[name]}/readyz"))
    job = submit(3)
    time.sleep(1)
    os.killpg(processes["worker-light"].pid, signal.SIGKILL)
    until_fired("SynthfleetNoWorkers")
    run("worker-light", "worker-again")
    if job.wait(timeout=400) not in DONE:
        sys.exit(f"FAILED: the job after both faults is not done; logs in {FOLDER}")
    print("ok: no coordinator, no worker, done all the same")


def until_fired(alert):
    base = f"http://127.0.0.1:{(FOLDER / 'prometheus.port').read_text()}/api/v1/alerts"
    fires = lambda: any(one["labels"]["alertname"] == alert and one["state"] == "firing" for one in json.loads(get(base))["data"]["alerts"])
    # a worker that is killed counts as a taker until its sign of life is too old, about 75 s
    until(f"the alert {alert}", 180, fires)


def faster(rules):
    """The rules with every duration and every age divided, but for the ten minutes of a probe: one is sent a minute."""
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    shorter = lambda found: f"{max(1, int(found[1]) * seconds[found[2]] // FASTER)}s"
    in_brackets = lambda found: re.sub(r"(\d+)([smhd])", shorter, found[0])
    text = re.sub(r"\[[0-9smhd:]+\]", in_brackets, rules)
    text = re.sub(r"(?<=for: )(\d+)([smhd])", shorter, text)
    return re.sub(r"> (900|86400)\b", lambda found: f"> {int(found[1]) // FASTER}", text)


def prometheus(ports):
    """Prometheus with our rules over these ports; `asked` below speaks to it."""
    program = shutil.which("prometheus")
    if program is None:
        sys.exit("FAILED: prometheus is not here; cargo xtask setup installs it")
    home = FOLDER / "prometheus"
    home.mkdir()
    config = yaml.safe_load((ROOT / "prometheus/prometheus.yaml").read_text(encoding="utf-8"))
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (home / "rules.yaml").write_text(faster((ROOT / "prometheus/rules.yaml").read_text(encoding="utf-8")), encoding="utf-8")
    config["rule_files"] = [str(home / "rules.yaml")]
    config["scrape_configs"] = [{"job_name": "synthfleet", "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in ports]}]}]
    (home / "prometheus.yml").write_text(json.dumps(config))
    port = free_ports(1)[0]
    command = [program, f"--config.file={home}/prometheus.yml", f"--storage.tsdb.path={home}/data", f"--web.listen-address=127.0.0.1:{port}"]
    start("prometheus", command, {"PATH": os.environ["PATH"]})
    (FOLDER / "prometheus.port").write_text(str(port))
    until("prometheus", 30, lambda: get(f"http://127.0.0.1:{port}/-/ready"))


def alerts():
    """What fired, and whether each rule could be evaluated."""
    base = f"http://127.0.0.1:{(FOLDER / 'prometheus.port').read_text()}/api/v1"
    rules = [rule for group in json.loads(get(f"{base}/rules"))["data"]["groups"] for rule in group["rules"]]
    broken = [rule["name"] for rule in rules if rule["health"] != "ok"]
    query = urllib.parse.quote('max_over_time(ALERTS{alertstate="firing"}[1h])')
    fired = sorted({one["metric"]["alertname"] for one in json.loads(get(f"{base}/query?query={query}"))["data"]["result"]})
    print(f"ok: {len(rules)} rules evaluated by Prometheus, fired: {', '.join(fired) or 'none'}")
    if fired != EXPECTED:
        sys.exit(f"FAILED: expected {', '.join(EXPECTED)}")
    if broken:
        sys.exit(f"FAILED: rules that Prometheus cannot evaluate: {', '.join(broken)}")


FOLDER.mkdir(parents=True)
try:
    scenario()
    alerts()
finally:
    for process in reversed(STARTED):
        try:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=20)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass
    for process in STARTED:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    for registry in REGISTRIES:
        subprocess.run(["epmd", "-port", str(registry), "-kill"], stdout=subprocess.DEVNULL, check=False)
