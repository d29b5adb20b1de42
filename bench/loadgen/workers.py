"""Runs clients as processes that start together, and says how long they took."""
import os
import pickle
import time
import traceback
from dataclasses import dataclass, field

from .client import Connection


@dataclass
class Timing:
    """A timed section: wall seconds, processor seconds of the clients, seconds of each unit (may be empty)."""

    seconds: float
    client_cpu: float
    latencies: list = field(default_factory=list)

    def p99_ms(self):
        ordered = sorted(self.latencies)
        return ordered[int(len(ordered) * 0.99)] * 1000 if ordered else None


def together(target, count, work):
    """Forks `count` clients, each with an open connection; `work(index, connection)` returns its latencies.

    The section lasts from the common start to the last client's end. Any client's failure fails the section.
    """
    go_read, go_write = os.pipe()
    children = []
    for index in range(count):
        out_read, out_write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(go_write)
            os.close(out_read)
            _child(target, index, work, go_read, out_write)
        os.close(out_write)
        children.append((pid, os.fdopen(out_read, "rb")))
    os.close(go_read)
    for _, pipe in children:
        pipe.read(1)
    start = time.perf_counter()
    os.close(go_write)
    results = []
    for pid, pipe in children:
        with pipe:
            data = pipe.read()
        os.waitpid(pid, 0)
        results.append(pickle.loads(data) if data else ("client ended without a result", 0, 0, []))
    for error, *_ in results:
        if error:
            raise RuntimeError(error)
    return Timing(max(r[1] for r in results) - start, sum(r[2] for r in results), [x for r in results for x in r[3]])


def _child(target, index, work, go, out):
    error, end, cpu, latencies = None, 0.0, 0.0, []
    pipe = os.fdopen(out, "wb")
    try:
        connection = Connection(target)
        pipe.write(b"r")
        pipe.flush()
        os.read(go, 1)
        before = time.process_time()
        latencies = work(index, connection) or []
        end = time.perf_counter()
        cpu = time.process_time() - before
    except BaseException:
        error = traceback.format_exc(limit=4)
    pipe.write(pickle.dumps((error, end, cpu, latencies)))
    pipe.flush()
    os._exit(0)
