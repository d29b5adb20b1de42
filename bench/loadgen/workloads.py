"""The workloads of issue 2, part 7, with the ratio to docker-registry that each must reach."""
import json
import time
from dataclasses import dataclass

from . import images, small
from .client import Connection, ProtocolError, expect
from .workers import Timing, together

MIB = 1 << 20


@dataclass
class Result:
    """What one run gave: `rate` per second in the workload's unit, over `amount` units."""

    rate: float
    amount: float
    timing: Timing


class Workload:
    """make: bytes shared by the round's targets. prepare: untimed. measure: timed. check: untimed, on the answers."""

    def __init__(self, name, title, unit, required, clients):
        self.name, self.title, self.unit, self.required, self.clients = name, title, unit, required, clients

    def make(self, folder, warm):
        return None

    def prepare(self, target, repository, made):
        pass

    def measure(self, target, repository, made, warm):
        raise NotImplementedError

    def check(self, target, repository, made):
        pass


class Push(Workload):
    """`count` images of one unique layer each, spread over the clients."""

    def __init__(self, name, title, required, clients, size, count):
        super().__init__(name, title, "MiB/s" if size >= MIB else "images/s", required, clients)
        self.size, self.count = size, count

    def make(self, folder, warm):
        return [images.make_image(self.size, folder if self.size >= MIB else None) for _ in range(self.count)]

    def measure(self, target, repository, made, warm):
        def work(index, connection):
            latencies = []
            for k in range(index, len(made), self.clients):
                start = time.perf_counter()
                images.push_image(connection, repository, f"t{k}", made[k])
                latencies.append(time.perf_counter() - start)
            return latencies

        timing = together(target, self.clients, work)
        amount = len(made) * self.size / MIB if self.size >= MIB else len(made)
        return Result(amount / timing.seconds, amount, timing)

    def check(self, target, repository, made):
        images.verify_image(target, repository, f"t{len(made) - 1}", made[-1])


class Pull(Push):
    """The same images pushed outside the clock, then pulled `repeat` times by tag."""

    def __init__(self, name, title, required, clients, size, count, repeat):
        super().__init__(name, title, required, clients, size, count)
        self.repeat = repeat

    def make(self, folder, warm):
        return [images.make_image(self.size, folder) for _ in range(self.count)]

    def prepare(self, target, repository, made):
        connection = Connection(target)
        for k, image in enumerate(made):
            images.push_image(connection, repository, f"t{k}", image)
        connection.close()

    def measure(self, target, repository, made, warm):
        repeat = max(1, self.repeat // 4) if warm else self.repeat

        def work(index, connection):
            latencies = []
            for _ in range(repeat):
                for k in range(index, len(made), self.clients):
                    start = time.perf_counter()
                    images.pull_image(connection, repository, f"t{k}")
                    latencies.append(time.perf_counter() - start)
            return latencies

        timing = together(target, self.clients, work)
        amount = len(made) * repeat * self.size / MIB
        return Result(amount / timing.seconds, amount, timing)


class Small(Workload):
    """One small answer asked for again and again by `clients` connections for `seconds`."""

    def __init__(self, name, title, required, clients, method, seconds):
        super().__init__(name, title, "req/s", required, clients)
        self.method, self.seconds = method, seconds

    def make(self, folder, warm):
        return [images.make_image(4096)]

    def prepare(self, target, repository, made):
        connection = Connection(target)
        images.push_image(connection, repository, "latest", made[0])
        connection.close()

    def measure(self, target, repository, made, warm):
        seconds = 1 if warm else self.seconds
        if self.method == "HEAD":
            # wrk 4.1 waits for a body after HEAD, so HEAD has a client of our own.
            timing, requests = small.poll(target, self.clients, f"/v2/{repository}/blobs/{made[0].layer_digest}", seconds)
        else:
            timing, requests = small.wrk(target, self.clients, f"/v2/{repository}/manifests/latest", seconds)
        return Result(requests / timing.seconds, requests, timing)

    def check(self, target, repository, made):
        images.verify_image(target, repository, "latest", made[0])


class Tags(Workload):
    """A repository of `count` tags, made once per target, walked by pages of 100 along the Link header.

    The unit is the page, as in the project's earlier measurements. docker-registry 2.8.2 knows no pages here: it ignores
    `n` and answers with all tags at once, so that answer is its page.
    """

    def __init__(self, name, title, required, count):
        super().__init__(name, title, "pages/s", required, 1)
        self.count = count
        self.filled = {}

    def prepare(self, target, repository, made):
        if target.name in self.filled:
            return
        connection = Connection(target)
        image = images.make_image(64)
        images.push_image(connection, repository, "t0", image)
        connection.close()

        def work(index, connection):
            for k in range(index, self.count, 8):
                images.put_manifest(connection, repository, f"t{k}", image.manifest)

        together(target, 8, work)
        self.filled[target.name] = repository

    def measure(self, target, repository, made, warm):
        def work(index, connection):
            latencies, until = [], time.perf_counter() + (0.2 if warm else 1.5)
            while not latencies or time.perf_counter() < until:
                count = 0
                for body, seconds in self._pages(connection, self.filled[target.name]):
                    latencies.append(seconds)
                    count += body.count(b'"t') - body.count(b'"tags"')
                if count != self.count:
                    raise ProtocolError(f"walk saw {count} tags, wanted {self.count}")
            return latencies

        timing = together(target, 1, work)
        pages = len(timing.latencies)
        return Result(pages / timing.seconds, pages, timing)

    def check(self, target, repository, made):
        connection = Connection(target)
        seen = [tag for body, _ in self._pages(connection, self.filled[target.name]) for tag in json.loads(body)["tags"]]
        connection.close()
        if sorted(seen) != sorted(f"t{k}" for k in range(self.count)):
            raise ProtocolError(f"walk saw {len(seen)} tags, {len(set(seen))} different, wanted {self.count}")

    @staticmethod
    def _pages(connection, repository):
        url = f"/v2/{repository}/tags/list?n=100"
        while url:
            start = time.perf_counter()
            answer = expect(connection.ask("GET", url), 200, "tags")
            yield answer.body, time.perf_counter() - start
            link = answer.headers.get("link")
            url = link[link.index("<") + 1:link.index(">")] if link else None


def all_workloads():
    """In the order of issue 2's table. Counts are multiples of the clients, so that none idles at the end."""
    return [
        Push("push10", "push 10 MiB, 4 clients", 3.0, 4, 10 * MIB, 48),
        Push("push100", "push 100 MiB, 2 clients", 2.5, 2, 100 * MIB, 6),
        Push("push1", "push 1 MiB, 8 clients", 3.0, 8, MIB, 160),
        Push("push4k", "push 4 KiB images, 8 clients", 5.0, 8, 4096, 400),
        Pull("pull100", "pull 100 MiB, 2 clients", 1.3, 2, 100 * MIB, 4, 6),
        Pull("pull10", "pull 10 MiB, 4 clients", 2.0, 4, 10 * MIB, 12, 16),
        Pull("pull1", "pull 1 MiB, 8 clients", 5.0, 8, MIB, 40, 16),
        Small("manifest", "GET manifest by tag, 8 connections", 15.0, 8, "GET", 3),
        Small("headblob", "HEAD blob, 8 connections", 15.0, 8, "HEAD", 3),
        Tags("tags5k", "walk 5,000 tags by pages of 100", 5.0, 5000),
    ]
