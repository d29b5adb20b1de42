"""Puts an image of an OCI layout into a repository with nothing but the ECR API, and prints its digest.

    put_image.py ENDPOINT REPOSITORY TAG LAYOUT
"""

import json
import os
import sys

import boto3

endpoint, repository, tag, layout = sys.argv[1:]
ecr = boto3.client("ecr", endpoint_url=endpoint)


def path_of(digest):
    return os.path.join(layout, "blobs", *digest.split(":"))


def upload(digest):
    start = ecr.initiate_layer_upload(repositoryName=repository)
    with open(path_of(digest), "rb") as blob:
        first = 0
        while part := blob.read(start["partSize"]):
            sent = ecr.upload_layer_part(
                repositoryName=repository, uploadId=start["uploadId"],
                partFirstByte=first, partLastByte=first + len(part) - 1, layerPartBlob=part)
            first += len(part)
            assert sent["lastByteReceived"] == first - 1, sent
    done = ecr.complete_layer_upload(repositoryName=repository, uploadId=start["uploadId"], layerDigests=[digest])
    assert done["layerDigest"] == digest, done


with open(os.path.join(layout, "index.json"), encoding="utf-8") as file:
    descriptor = json.load(file)["manifests"][0]
with open(path_of(descriptor["digest"]), encoding="utf-8") as file:
    text = file.read()
manifest = json.loads(text)

digests = [entry["digest"] for entry in [manifest["config"], *manifest["layers"]]]
known = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=digests)["layers"]
assert {layer["layerAvailability"] for layer in known} <= {"UNAVAILABLE"}, known
for each in digests:
    upload(each)
known = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=digests)["layers"]
assert {layer["layerAvailability"] for layer in known} == {"AVAILABLE"}, known

image = ecr.put_image(
    repositoryName=repository, imageManifest=text, imageManifestMediaType=descriptor["mediaType"], imageTag=tag)["image"]
print(image["imageId"]["imageDigest"])
