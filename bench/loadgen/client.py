"""One keep-alive HTTP/1.1 connection that spends as little processor time as it can.

On a small machine client and server share the cores, so every microsecond spent here is taken from the server that is
measured. Hence: request heads are prepared before the clock starts, bodies that only count are thrown away inside the
kernel (MSG_TRUNC never copies them to user space), files go out with sendfile, and clients are processes, not threads.
"""
import os
import socket

KEEP = 64 << 10
SLAB = 4 << 20


class ProtocolError(Exception):
    """The server closed early, or answered with something this client cannot read."""


class Answer:
    """Status, headers (lower-case names) and body; `length` counts the body even where it was thrown away."""

    __slots__ = ("status", "headers", "body", "length")

    def __init__(self, status, headers, body, length):
        self.status, self.headers, self.body, self.length = status, headers, body, length


class Connection:
    """A connection to `target`; opened at once so that no handshake falls into a timed section."""

    def __init__(self, target):
        self.target = target
        self.socket = socket.create_connection((target.host, target.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray(KEEP)
        self.view = memoryview(self.buffer)
        # Never touched: MSG_TRUNC only needs to be told how much it may discard at once.
        self.slab = bytearray(SLAB)

    def close(self):
        self.socket.close()

    def head(self, method, url, length=None, *extra):
        """The bytes of a request's head. A Location may be given whole or as a path; it is followed verbatim."""
        if not url.startswith("/"):
            # By hand: urllib.parse would be a tenth of the client's time.
            if not url.startswith("http://"):
                raise ProtocolError(f"cannot follow {url!r}")
            url = url[url.index("/", 7):]
        lines = [f"{method} {url} HTTP/1.1", f"Host: {self.target.host}:{self.target.port}"]
        if self.target.authorization:
            lines.append("Authorization: " + self.target.authorization)
        if length is not None:
            lines.append(f"Content-Length: {length}")
        lines += extra
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def send(self, head, body=b""):
        self.socket.sendall(head + body)

    def send_file(self, head, descriptor, size):
        self.socket.sendall(head, socket.MSG_MORE)
        offset = 0
        while offset < size:
            offset += os.sendfile(self.socket.fileno(), descriptor, offset, size - offset)

    def receive(self, bodyless=False, discard=False):
        """Reads one answer. `bodyless`: the request was HEAD. `discard`: count the body, do not keep it."""
        have, end = 0, -1
        while end < 0:
            if have == KEEP:
                raise ProtocolError("answer head above 64 KiB")
            got = self.socket.recv_into(self.view[have:])
            if not got:
                raise ProtocolError("connection closed before the answer's head")
            have += got
            end = self.buffer.find(b"\r\n\r\n", 0, have)
        lines = self.buffer[:end].decode("latin1").split("\r\n")
        status = int(lines[0].split(" ", 2)[1])
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        rest = bytes(self.buffer[end + 4:have])
        if bodyless or status in (204, 304):
            return Answer(status, headers, b"", 0)
        if "content-length" in headers:
            length = int(headers["content-length"])
            if discard:
                self._discard(length - len(rest))
                return Answer(status, headers, b"", length)
            return Answer(status, headers, rest + self._exactly(length - len(rest)), length)
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = self._chunked(rest)
            return Answer(status, headers, body, len(body))
        raise ProtocolError(f"answer {status} has neither Content-Length nor chunks")

    def _discard(self, left):
        take = self.socket.recv_into
        slab = self.slab
        while left > 0:
            got = take(slab, left if left < SLAB else SLAB, socket.MSG_TRUNC)
            if not got:
                raise ProtocolError("connection closed inside a body")
            left -= got

    def _exactly(self, left):
        out = bytearray()
        while left > 0:
            got = self.socket.recv_into(self.view, min(left, KEEP))
            if not got:
                raise ProtocolError("connection closed inside a body")
            out += self.view[:got]
            left -= got
        return bytes(out)

    def _chunked(self, raw):
        raw, body, at = bytearray(raw), bytearray(), 0

        def need(upto):
            while len(raw) < upto:
                got = self.socket.recv_into(self.view)
                if not got:
                    raise ProtocolError("connection closed inside a chunk")
                raw.extend(self.view[:got])

        while True:
            while (line := raw.find(b"\r\n", at)) < 0:
                need(len(raw) + 1)
            size = int(raw[at:line].split(b";")[0], 16)
            need(line + 2 + size + 2)
            body += raw[line + 2:line + 2 + size]
            at = line + 2 + size + 2
            if size == 0:
                return bytes(body)

    def ask(self, method, url, body=None, *extra, discard=False):
        """One request with a small body or none, and its answer."""
        length = len(body) if body is not None else 0 if method in ("POST", "PUT", "PATCH") else None
        self.send(self.head(method, url, length, *extra), body or b"")
        return self.receive(method == "HEAD", discard)


def expect(answer, status, what):
    """Stops the run on any other status: a server that fails fast must not look fast."""
    if answer.status != status:
        raise ProtocolError(f"{what}: HTTP {answer.status}, wanted {status}: {answer.body[:300]!r}")
    return answer
