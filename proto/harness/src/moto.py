"""Runs a moto server until nobody has held the lock for a while.

Arguments: lock file, file to write the port to, seconds without a holder. A test that is killed lets
go of the lock too, so that no server outlives its tests.
"""
import fcntl
import os
import sys
import time

from moto.server import ThreadedMotoServer

lock_path, note_path, idle = sys.argv[1], sys.argv[2], float(sys.argv[3])
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
with open(note_path + ".new", "w") as note:
    note.write(str(server.get_host_and_port()[1]))
os.rename(note_path + ".new", note_path)

lock = open(lock_path)
free_since = None
while True:
    time.sleep(0.2)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        free_since = None
        continue
    free_since = free_since or time.monotonic()
    if time.monotonic() - free_since > idle:
        # the lock stays held until all is gone: a newcomer waits and then starts its own server
        os.remove(note_path)
        os._exit(0)
    fcntl.flock(lock, fcntl.LOCK_UN)
