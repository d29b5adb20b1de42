"""Unique, incompressible images; made before the clock starts, and the same bytes for every target of a round."""
import hashlib
import json
import os
import secrets
from dataclasses import dataclass

from .client import Connection, ProtocolError, expect

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
BINARY = "Content-Type: application/octet-stream"


@dataclass(frozen=True)
class Image:
    """A manifest, its configuration and one layer; the layer lies in a file when `path` is set, else in memory."""

    path: str | None
    layer: bytes
    layer_digest: str
    size: int
    config: bytes
    config_digest: str
    manifest: bytes


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def make_image(size, folder=None):
    """`folder` should be memory-backed, so that the client's reads cost the disk nothing."""
    layer = secrets.token_bytes(size)
    layer_digest = digest_of(layer)
    config = json.dumps({"architecture": "amd64", "os": "linux", "author": secrets.token_hex(16),
                         "rootfs": {"type": "layers", "diff_ids": [layer_digest]}}).encode()
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": digest_of(config), "size": len(config)},
        "layers": [{"mediaType": LAYER, "digest": layer_digest, "size": size}]}).encode()
    path = None
    if folder:
        path = os.path.join(folder, secrets.token_hex(8))
        with open(path, "wb") as file:
            file.write(layer)
        layer = b""
    return Image(path, layer, layer_digest, size, config, digest_of(config), manifest)


def push_blob(connection, repository, digest, size, data=b"", path=None):
    """POST, then PUT to the Location with the whole body: the monolithic form that docker and skopeo fall back to."""
    answer = expect(connection.ask("POST", f"/v2/{repository}/blobs/uploads/"), 202, "start upload")
    location = answer.headers["location"]
    location += ("&" if "?" in location else "?") + "digest=" + digest
    head = connection.head("PUT", location, size, BINARY)
    if path:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            connection.send_file(head, descriptor, size)
        finally:
            os.close(descriptor)
    else:
        connection.send(head, data)
    expect(connection.receive(), 201, "put blob")


def put_manifest(connection, repository, reference, manifest):
    answer = connection.ask("PUT", f"/v2/{repository}/manifests/{reference}", manifest, "Content-Type: " + MANIFEST)
    expect(answer, 201, "put manifest")


def push_image(connection, repository, tag, image):
    push_blob(connection, repository, image.layer_digest, image.size, image.layer, image.path)
    push_blob(connection, repository, image.config_digest, len(image.config), image.config)
    put_manifest(connection, repository, tag, image.manifest)


def pull_image(connection, repository, tag):
    """Manifest by tag, then configuration and layer by digest; the bodies are counted and thrown away."""
    url = f"/v2/{repository}/manifests/{tag}"
    manifest = json.loads(expect(connection.ask("GET", url, None, "Accept: " + MANIFEST), 200, "get manifest").body)
    for part in (manifest["config"], *manifest["layers"]):
        answer = connection.ask("GET", f"/v2/{repository}/blobs/{part['digest']}", discard=True)
        expect(answer, 200, "get blob")
        if answer.length != part["size"]:
            raise ProtocolError(f"blob of {answer.length} bytes, wanted {part['size']}")


def verify_image(target, repository, tag, image):
    """Outside the clock: what the server gives back is what went in, byte for byte."""
    connection = Connection(target)
    url = f"/v2/{repository}/manifests/{tag}"
    body = expect(connection.ask("GET", url, None, "Accept: " + MANIFEST), 200, "verify manifest").body
    if body != image.manifest:
        raise ProtocolError(f"{repository}:{tag} came back with other bytes")
    for digest in (image.config_digest, image.layer_digest):
        body = expect(connection.ask("GET", f"/v2/{repository}/blobs/{digest}"), 200, "verify blob").body
        if digest_of(body) != digest:
            raise ProtocolError(f"{digest} came back with other bytes")
    connection.close()
