"""Writes beside the server's background jobs: how long somebody who pushes waits while a job works through what a day left behind."""
import json
import threading
import time
import urllib.request

from .client import Connection, expect
from .questions import Picker, ecr


def tag_something(target, seconds, seed):
    """One client tags images, one after the other. -> seconds of each."""
    connection = Connection(target)
    images = [s for s in Picker(target, seed).some(2000) if s["type"]]
    times, number, end = [], 0, time.perf_counter() + seconds
    stamp = f"{time.time_ns():x}"
    while (begin := time.perf_counter()) < end:
        image = images[number % len(images)]
        answer = connection.ask("PUT", f"/v2/{image['repository']}/manifests/w{stamp}-{number}", image["manifest"].encode(), "Content-Type: " + image["type"])
        times.append(time.perf_counter() - begin)
        # The daily run may have removed the image: then the manifest's parts are not there any more, or it is pushed anew.
        if answer.status not in (400, 404):
            expect(answer, 201, "tag an image")
        number += 1
    connection.close()
    return times


def collect(target, full):
    request = urllib.request.Request(f"http://{target.host}:{target.port}/longshore/v1/collection", method="POST",
                                     data=json.dumps({"full": full}).encode(),
                                     headers={"Authorization": target.authorization, "Content-Type": "application/json"})
    urllib.request.urlopen(request).read()


def scraping(port, stop, took):
    while not stop.is_set():
        begin = time.perf_counter()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            answer.read()
        took.append(time.perf_counter() - begin)
        stop.wait(0.1)


class Chore:
    """A background job with work to do. `leave` and `clear` run while the server is stopped, `begin` once it runs; `count` says how much is left."""

    def __init__(self, name, options=(), leave=None, begin=None, count=None, clear=None):
        self.name, self.options, self.leave, self.begin, self.count, self.clear = name, list(options), leave, begin, count, clear


CHORES = [
    Chore("nothing"),
    Chore("metrics read ten times a second", begin="scrape"),
    Chore("collection of 100,000 bodies that nothing names", ["--gc-grace", "0s", "--gc-rate", "0"],
          lambda t: t.generate("leftovers", t.database_argument, 100_000),
          count="SELECT COUNT(*) FROM repository_blobs WHERE leased_until IS NOT NULL"),
    Chore("sweep over all links and bodies", begin=lambda t: collect(t, True)),
    Chore("end of 20,000 uploads that nobody went on with", [], lambda t: t.generate("uploads", t.database_argument, 20_000),
          count="SELECT COUNT(*) FROM uploads"),
    Chore("daily run, every repository due", [], lambda t: t.generate("policies", t.database_argument),
          count="SELECT COUNT(*) FROM lifecycle_policies WHERE last_evaluated_at IS NULL", clear=lambda t: t.generate("clear", t.database_argument)),
]
