"""Clients for many small requests: wrk, and one polling process for HEAD, which wrk 4.1 cannot speak."""
import os
import re
import resource
import select
import subprocess
import tempfile
import time

from .client import Connection, ProtocolError, expect
from .images import MANIFEST
from .workers import Timing

# The request is static, so wrk prepares it once; the script's last function reports in a form that needs no guessing.
SCRIPT = """wrk.method = "GET"
wrk.headers["Accept"] = "%s"
%s
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %%d %%d %%d %%d\\n", summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(99.0)))
end
"""


def wrk(target, connections, path, seconds):
    """-> (Timing, requests). Any error or status other than 2xx and 3xx fails the run."""
    authorization = f'wrk.headers["Authorization"] = "{target.authorization}"' if target.authorization else ""
    descriptor, script = tempfile.mkstemp(suffix=".lua")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(SCRIPT % (MANIFEST, authorization))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        url = f"http://{target.host}:{target.port}{path}"
        run = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script, url],
                             capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    finally:
        os.unlink(script)
    found = re.search(r"^RESULT (\d+) (\d+) (\d+) (\d+)$", run.stdout, re.M)
    if not found:
        raise ProtocolError("wrk gave no result: " + run.stdout + run.stderr)
    requests, micros, errors, p99 = map(int, found.groups())
    if errors:
        raise ProtocolError(f"wrk counted {errors} errors in {requests} requests")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Timing(micros / 1e6, cpu, [p99 / 1e6]), requests


def poll(target, connections, path, seconds):
    """-> (Timing, requests). One process over `connections` sockets, one request in flight on each."""
    opened = [Connection(target) for _ in range(connections)]
    expect(opened[0].ask("HEAD", path), 200, "head blob")
    request = opened[0].head("HEAD", path)
    poller = select.epoll()
    sockets, started, latencies = {}, {}, []
    for connection in opened:
        connection.socket.setblocking(False)
        sockets[connection.socket.fileno()] = connection.socket
        poller.register(connection.socket, select.EPOLLIN)
    buffer = bytearray(16 << 10)
    cpu, clock = time.process_time(), time.perf_counter
    begin = clock()
    until = begin + seconds
    for number, sock in sockets.items():
        started[number] = begin
        sock.send(request)
    now = begin
    while now < until:
        for number, _ in poller.poll():
            sock = sockets[number]
            got = sock.recv_into(buffer)
            # Answers to HEAD are far below one segment; one that came in two parts would be reported, not miscounted.
            if not buffer.startswith(b"HTTP/1.1 200") or buffer[got - 4:got] != b"\r\n\r\n":
                raise ProtocolError(f"head blob: {bytes(buffer[:got])[:300]!r}")
            now = clock()
            latencies.append(now - started[number])
            started[number] = now
            sock.send(request)
    timing = Timing(now - begin, time.process_time() - cpu, latencies)
    poller.close()
    for connection in opened:
        connection.close()
    return timing, len(latencies)
