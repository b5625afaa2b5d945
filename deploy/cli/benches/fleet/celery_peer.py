"""Celery with the durability of the fleet: what `cargo xtask bench-fleet` runs beside it.

As a module it is the application of a worker. As a program it is the client: `starts N RATE` prints milliseconds
from sending to the first line of each task, `no_ops N` tasks a second, `chords N` milliseconds from the end of
the last of 50 tasks to the first line of the one that follows them.
"""

import os
import sys
import time
from pathlib import Path

from celery import Celery, chord
from kombu import Queue

early = bool(os.environ.get("PEER_EARLY"))
backend = os.environ["PEER_BACKEND"]
app = Celery("peer", broker=os.environ["PEER_BROKER"], backend=backend)
app.conf.update(
    task_default_queue="peer",
    task_queues=[Queue("peer", routing_key="peer", queue_arguments={"x-queue-type": "quorum"})],
    worker_detect_quorum_queues=True,
    broker_transport_options={"confirm_publish": not early},
    broker_connection_retry_on_startup=True,
    task_acks_late=not early,
    task_ignore_result=early,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
)


@app.task(name="peer.since")
def since(sent):
    return (time.time() - sent) * 1e3


@app.task(name="peer.no_op")
def no_op():
    return None


@app.task(name="peer.mark")
def mark(path):
    Path(path).touch()


@app.task(name="peer.now")
def now():
    return time.time()


@app.task(name="peer.after")
def after(times):
    return (time.time() - max(times)) * 1e3


def stored():
    """How many results there are."""
    if backend.startswith("redis"):
        return app.backend.client.dbsize()
    return len(os.listdir(backend.removeprefix("file://")))


def starts(count, rate):
    since.delay(time.time()).get(timeout=60)
    first, results = time.time(), []
    for number in range(count):
        time.sleep(max(0.0, first + number / rate - time.time()))
        results.append(since.delay(time.time()))
    for result in results:
        print(result.get(timeout=60))


def no_ops(count):
    if early:
        # no result tells of the end: the last task in the queue does
        done = Path("done")
        done.unlink(missing_ok=True)
        begin = time.time()
        for _ in range(count - 1):
            no_op.delay()
        mark.delay(str(done.absolute()))
        while not done.exists():
            time.sleep(0.005)
    else:
        no_op.delay().get(timeout=60)
        before, begin = stored(), time.time()
        for _ in range(count):
            no_op.delay()
        while stored() - before < count:
            time.sleep(0.02)
    print(count / (time.time() - begin))


def chords(count):
    for _ in range(count):
        print(chord([now.s() for _ in range(50)])(after.s()).get(timeout=120))


if __name__ == "__main__":
    {"starts": starts, "no_ops": no_ops, "chords": chords}[sys.argv[1]](*(float(a) if "." in a else int(a) for a in sys.argv[2:]))
