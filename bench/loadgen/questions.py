"""What bench/scale asks: each question gives prepared requests, so that the clock sees nothing but the answer."""
import gc
import json
import random
import time
from dataclasses import dataclass
from typing import Callable

from .client import Connection, ProtocolError, expect
from .images import MANIFEST
from .signing import signed_headers

ACCEPT = f"Accept: {MANIFEST}, application/vnd.oci.image.index.v1+json"
POLICY = json.dumps({"rules": [{"rulePriority": 1, "description": "made by bench/scale", "selection": {
    "tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 50}, "action": {"type": "expire"}}]})


def ecr_request(connection, operation, **arguments):
    """The bytes of one signed call."""
    target = connection.target
    body = json.dumps(arguments).encode()
    headers = signed_headers(target.key, target.secret, "us-east-1", "ecr", f"{target.host}:{target.port}", body,
                             {"content-type": "application/x-amz-json-1.1",
                              "x-amz-target": "AmazonEC2ContainerRegistry_V20150921." + operation})
    lines = ["POST / HTTP/1.1", f"Host: {target.host}:{target.port}", f"Content-Length: {len(body)}", *(f"{k}: {v}" for k, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def ecr(connection, operation, **arguments):
    connection.socket.sendall(ecr_request(connection, operation, **arguments))
    return json.loads(expect(connection.receive(), 200, operation).body)


def last_token(connection, operation, **arguments):
    """-> the token of the last page."""
    token, following = None, ecr(connection, operation, **arguments).get("nextToken")
    while following:
        token, following = following, ecr(connection, operation, nextToken=following, **arguments).get("nextToken")
    return token


@dataclass(frozen=True)
class Question:
    """`prepare(connection, target, pick, wide)` -> bytes of requests, each sent once; `bodyless` for HEAD. `wide`: asked of the repository that has
    very many images, too, where there is one: there it must not take longer either."""

    name: str
    count: int
    prepare: Callable
    bodyless: bool = False
    wide: bool = False


class Picker:
    """Samples of the registry in an order that is the same for the same seed."""

    def __init__(self, target, seed):
        self.random = random.Random(seed)
        self.samples = [s for s in target.samples if s["repository"] != "wide"]
        self.in_wide = [s for s in target.samples if s["repository"] == "wide"]

    def some(self, count, wide=False, having=None):
        chosen = [s for s in (self.in_wide if wide else self.samples) if not having or s[having]]
        if not chosen:
            raise ProtocolError(f"no sample has {having}")
        return [self.random.choice(chosen) for _ in range(count)]


def _manifest(by):
    return lambda c, t, pick, wide, n: [c.head("GET", f"/v2/{s['repository']}/manifests/{s[by]}", None, ACCEPT) for s in pick.some(n, wide, by)]


def _tags(last):
    def prepare(c, t, pick, wide, n):
        found = []
        ends = {}
        for s in pick.some(n, wide):
            name = s["repository"]
            if last and name not in ends:
                tags = json.loads(c.ask("GET", f"/v2/{name}/tags/list?n=1000000").body)["tags"] if not wide else ["v999.49.0"]
                ends[name] = tags[-51] if len(tags) > 51 else tags[0]
            found.append(c.head("GET", f"/v2/{name}/tags/list?n=50" + (f"&last={ends[name]}" if last else "")))
        return found
    return prepare


def _describe_images(last=False, status=None, size=50):
    def prepare(c, t, pick, wide, n):
        given = {"maxResults": size, **({"filter": {"tagStatus": status}} if status else {})}
        ends, found = {}, []
        for s in pick.some(n, wide):
            name = s["repository"]
            if last and name not in ends:
                # With pages of another size the end is reached sooner.
                ends[name] = last_token(c, "DescribeImages", repositoryName=name, maxResults=1000 if wide else 50)
            token = {"nextToken": ends[name]} if last and ends[name] else {}
            found.append(ecr_request(c, "DescribeImages", repositoryName=name, **given, **token))
        return found
    return prepare


def _describe_repositories(last):
    def prepare(c, t, pick, wide, n):
        token = last_token(c, "DescribeRepositories", maxResults=10 if t.repositories < 100 else 1000) if last else None
        return [ecr_request(c, "DescribeRepositories", maxResults=10, **({"nextToken": token} if token else {})) for _ in range(n)]
    return prepare


def _catalog(last):
    def prepare(c, t, pick, wide, n):
        names = sorted(f"team-{r % 100:02}/service-{r:06}" for r in range(t.repositories))
        return [c.head("GET", "/v2/_catalog?n=10" + (f"&last={names[max(0, len(names) - 11)]}" if last else ""))] * n
    return prepare


QUESTIONS = [
    Question("GET manifest by tag", 2000, _manifest("tag"), wide=True),
    Question("GET manifest by digest", 2000, _manifest("digest"), wide=True),
    Question("HEAD blob", 2000, lambda c, t, pick, wide, n: [c.head("HEAD", f"/v2/{s['repository']}/blobs/{s['blob']}") for s in pick.some(n, wide, "blob")], bodyless=True, wide=True),
    Question("tags, first 50", 1000, _tags(False), wide=True),
    Question("tags, last 50", 1000, _tags(True), wide=True),
    Question("describe-images, first 50", 600, _describe_images(), wide=True),
    Question("describe-images, last page", 600, _describe_images(last=True), wide=True),
    Question("describe-images, 10 untagged", 600, _describe_images(status="UNTAGGED", size=10), wide=True),
    Question("batch-get-image", 1000, lambda c, t, pick, wide, n: [
        ecr_request(c, "BatchGetImage", repositoryName=s["repository"], imageIds=[{"imageDigest": s["digest"]}]) for s in pick.some(n, wide)], wide=True),
    Question("list-images, first 50", 600, lambda c, t, pick, wide, n: [
        ecr_request(c, "ListImages", repositoryName=s["repository"], maxResults=50) for s in pick.some(n, wide)], wide=True),
    Question("referrers", 1000, lambda c, t, pick, wide, n: [
        c.head("GET", f"/v2/{s['repository']}/referrers/{s['subject']}") for s in pick.some(n, wide, "subject")], wide=True),
    Question("describe-repositories, first 10", 1000, _describe_repositories(False)),
    Question("describe-repositories, last page", 1000, _describe_repositories(True)),
    Question("catalog, first 10", 1000, _catalog(False)),
    Question("catalog, last 10", 1000, _catalog(True)),
]


def ask(question, columns, seed):
    """`columns`: name -> (target, whether of its wide repository). -> name -> seconds of each request, one after the other on one connection each.

    The columns take turns at every request: what else the machine does falls on all alike.
    """
    connections = {name: Connection(target) for name, (target, _) in columns.items()}
    requests = {name: question.prepare(connections[name], target, Picker(target, seed), wide, question.count) for name, (target, wide) in columns.items()}
    times = {name: [] for name in columns}
    clock, names = time.perf_counter, list(columns)
    gc.disable()
    for number in range(question.count):
        for name in names:
            connection, request = connections[name], requests[name][number]
            begin = clock()
            connection.socket.sendall(request)
            answer = connection.receive(question.bodyless)
            times[name].append(clock() - begin)
            expect(answer, 200, question.name)
        names.append(names.pop(0))
    gc.enable()
    for connection in connections.values():
        connection.close()
    return times


def previews(targets, seed, count):
    """-> seconds from each StartLifecyclePolicyPreview until GetLifecyclePolicyPreview says COMPLETE, in repositories of 100 images, by target's name."""
    connections = {name: Connection(target) for name, target in targets.items()}
    chosen = {name: random.Random(seed).choices(sorted({s["repository"] for s in target.samples if s["repository"] != "wide"}), k=count) for name, target in targets.items()}
    times = {name: [] for name in targets}
    for number in range(count):
        for name, connection in connections.items():
            repository = chosen[name][number]
            begin = time.perf_counter()
            ecr(connection, "StartLifecyclePolicyPreview", repositoryName=repository, lifecyclePolicyText=POLICY)
            while (answer := ecr(connection, "GetLifecyclePolicyPreview", repositoryName=repository, maxResults=1))["status"] == "IN_PROGRESS":
                time.sleep(0.001)
            times[name].append(time.perf_counter() - begin)
            if answer["status"] != "COMPLETE":
                raise ProtocolError(f"preview of {repository}: {answer['status']}")
    for connection in connections.values():
        connection.close()
    return times
