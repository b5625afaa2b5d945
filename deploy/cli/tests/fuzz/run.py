"""Sends requests made from the API's own description, legal and illegal ones, and looks at every answer.

usage: run.py BASE SECONDS SEED

An answer of 500 or above, none within half a minute, or an error that is no problem document ends with code 1
and the request that led to it.
"""

import collections
import json
import random
import sys
import time

import hypothesis
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

PATIENCE = 30
JOB = {"source": "sim:demo?rows=200", "synthesizers": ["clbn"], "benchmarks": ["accuracy"], "gate": "off"}
# names that exist: what is only made up never comes past the first look
NAMES = {
    "candidate": ["clbn", "identity", "ref_holdout"],
    "plot": ["column_histogram", "pair", "correlation", "projection", "distances"],
    "path": ["verdict.json", "report.html", "results.json", "manifest.json"],
    "task": ["profile", "syn-clbn-r0", "ben-clbn-r0-accuracy", "ben-ref_holdout-r0-accuracy"],
    "name": ["clbn", "seqtree", "accuracy", "distances"],
    "code": ["gone", "invalid-job", "internal"],
}


class World:
    """Things of the server that requests may name."""

    def __init__(self, base, draw):
        self.base, self.draw, self.session = base, draw, requests.Session()
        self.jobs, self.uploads = [], []
        self.refill()

    def refill(self):
        """At least one finished job, one under way and one upload."""
        while len(self.jobs) < 3:
            wait = {"prefer": "wait=60"} if len(self.jobs) < 2 else {}
            told = self.session.post(f"{self.base}/v1/jobs", json=JOB, headers=wait, timeout=90)
            if told.status_code == 429:
                time.sleep(1)
                continue
            told.raise_for_status()
            self.jobs.append(told.json()["id"])
        while len(self.uploads) < 2:
            told = self.session.post(f"{self.base}/v1/uploads", json={"name": "t.csv"}, timeout=PATIENCE)
            if told.status_code == 429:
                time.sleep(1)
                continue
            told.raise_for_status()
            upload = told.json()["id"]
            self.session.put(f"{self.base}/v1/uploads/{upload}", data=b"a,b\n1,x\n2,y\n", timeout=PATIENCE)
            self.uploads.append(upload)

    def real(self, name):
        if name == "job":
            return self.draw.choice(self.jobs)
        if name == "table":
            listed = self.session.get(f"{self.base}/v1/tables", timeout=PATIENCE)
            items = listed.json().get("items") if listed.ok else None
            return self.draw.choice(items)["id"] if items else None
        if name == "upload":
            return self.draw.choice(self.uploads)
        return self.draw.choice(NAMES[name]) if name in NAMES else None


def place(case, world):
    """Puts names that exist into most requests; asks for no stream that never ends."""
    for name in list(case.path_parameters or {}):
        found = world.real(name)
        if found is not None and world.draw.random() < 0.8:
            case.path_parameters[name] = found
    if case.path.endswith("/compare") and world.draw.random() < 0.7:
        job = world.draw.choice(world.jobs)
        case.query = {"candidate": [f"{job}:{name}" for name in ("clbn", "identity", "uniform")]}
    if case.path.endswith("/events"):
        case.query = {**(case.query or {}), "wait": "0"}
    if case.path.endswith("/generate") and isinstance(case.body, dict) and isinstance(case.body.get("rows"), int):
        # legal, and not what is looked for: a disk full of rows
        case.body["rows"] = min(case.body["rows"], 2_000)
    if case.method.upper() == "PATCH" and world.draw.random() < 0.7:
        case.headers = {**(case.headers or {}), "If-Match": "*"}


class Judge:
    def __init__(self, until):
        self.until, self.seen, self.faults, self.slowest = until, collections.Counter(), [], (0.0, "")

    def over(self):
        return time.monotonic() >= self.until or len(self.faults) >= 20

    def look(self, case, world):
        line = f"{case.method.upper()} {case.path}"
        begun = time.monotonic()
        try:
            told = case.call(base_url=world.base, timeout=PATIENCE, session=world.session)
        except (requests.Timeout, requests.ConnectionError) as error:
            self.faults.append(f"{line}: {error}\n  {command(case, world)}")
            return
        except (requests.RequestException, ValueError, UnicodeError):
            return  # no request that the client can send
        took = time.monotonic() - begun
        self.slowest = max(self.slowest, (took, line))
        status = told.status_code
        self.seen[(line, status)] += 1
        if status == 429:
            time.sleep(0.2)
        fault = self.fault(told, status)
        if fault:
            self.faults.append(f"{line}: {fault}\n  {command(case, world)}")
        if status == 410 or (status == 204 and case.method.upper() == "DELETE"):
            gone = (case.path_parameters or {}).get("job")
            if gone in world.jobs:
                world.jobs.remove(gone)
                world.refill()

    @staticmethod
    def fault(told, status):
        if status >= 500:
            return f"answered {status}: {told.text[:400]}"
        if "x-request-id" not in {name.lower() for name in told.headers}:
            return "no request id"
        if status >= 400 and told.request.method != "HEAD":
            kind = (told.headers.get("content-type") or [""])[0] if isinstance(told.headers.get("content-type"), list) else told.headers.get("content-type", "")
            if kind != "application/problem+json":
                return f"{status} as {kind!r}"
            if json.loads(told.text)["status"] != status:
                return f"{status} says another status: {told.text[:200]}"
        return None


def command(case, world):
    try:
        return case.as_curl_command()
    except Exception as error:  # noqa: BLE001 - a picture of the request is a help, not the matter
        return repr(error)


def attack(operation, judge, world, examples, seed):
    def one(case):
        if not judge.over():
            place(case, world)
            judge.look(case, world)

    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        if judge.over():
            return
        options = settings(max_examples=examples, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        test = hypothesis.seed(seed)(options(given(operation.as_strategy(generation_mode=mode))(one)))
        try:
            test()
        except (hypothesis.errors.Unsatisfiable, hypothesis.errors.InvalidArgument):
            pass  # nothing illegal can be said there


def main(base, seconds, seed):
    draw = random.Random(seed)
    world = World(base, draw)
    judge = Judge(time.monotonic() + seconds)
    schema = schemathesis.openapi.from_url(f"{base}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    examples, turn = 4, 0
    while not judge.over():
        draw.shuffle(operations)
        for operation in operations:
            attack(operation, judge, world, examples, seed + turn)
            turn += 1
            if judge.over():
                break
        examples = min(examples * 2, 64)
    classes = collections.Counter()
    for (_, status), count in judge.seen.items():
        classes[f"{status // 100}xx"] += count
    asked = len({line for line, _ in judge.seen})
    print(f"{sum(classes.values())} requests to {asked} of {len(operations)} operations: {dict(sorted(classes.items()))}; slowest {judge.slowest[0]:.1f} s ({judge.slowest[1]})")
    for fault in judge.faults:
        print(fault)
    # it still answers
    requests.get(f"{base}/healthz", timeout=PATIENCE).raise_for_status()
    return 1 if judge.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3])))
