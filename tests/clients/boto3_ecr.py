#!/usr/bin/env python3
"""Every operation of ECR that Longshore offers and this boto3's model knows, against a running server: boto3_ecr.py URL"""

import base64
import hashlib
import json
import os
import sys
import urllib.error
import urllib.request
import uuid

import boto3
from botocore.config import Config

URL = sys.argv[1]
CONFIG = Config(retries={"max_attempts": 1})
ecr = boto3.client("ecr", endpoint_url=URL, config=CONFIG)
sts = boto3.client("sts", endpoint_url=URL, config=CONFIG)
PREFIX = f"boto3-{uuid.uuid4().hex[:8]}"
NAME = f"{PREFIX}/app"
KNOWN = set(ecr.meta.service_model.operation_names)
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
SIGNATURE = "application/vnd.example.signature"


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def refused(error, call, **arguments):
    """The call must fail with the modelled exception: boto3 knows it by name only when code and model agree."""
    try:
        call(**arguments)
    except ecr.exceptions.ClientError as fault:
        check(type(fault).__name__ == error, f"{fault} is not {error}")
        check(fault.response["ResponseMetadata"]["HTTPStatusCode"] == 400, f"{error} is not status 400")
        check(fault.response["ResponseMetadata"]["RequestId"], f"{error} has no request id")
        return fault.response
    raise AssertionError(f"no {error}")


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def upload(content, part_size=10 * 1024 * 1024):
    started = ecr.initiate_layer_upload(repositoryName=NAME)
    for first in range(0, len(content), part_size):
        part = content[first : first + part_size]
        answer = ecr.upload_layer_part(
            repositoryName=NAME, uploadId=started["uploadId"], partFirstByte=first, partLastByte=first + len(part) - 1, layerPartBlob=part
        )
        check(answer["lastByteReceived"] == first + len(part) - 1, "lastByteReceived")
    done = ecr.complete_layer_upload(repositoryName=NAME, uploadId=started["uploadId"], layerDigests=[digest(content)])
    check(done["layerDigest"] == digest(content), "layerDigest")


def descriptor(media_type, content):
    return {"mediaType": media_type, "digest": digest(content), "size": len(content)}


def manifest(config, layers, **more):
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(OCI_CONFIG, config),
            "layers": [descriptor(OCI_LAYER, layer) for layer in layers],
            **more,
        }
    )


def repositories():
    made = ecr.create_repository(
        repositoryName=NAME, tags=[{"Key": "team", "Value": "a"}], imageTagMutability="MUTABLE", imageScanningConfiguration={"scanOnPush": True}
    )["repository"]
    check(made["repositoryUri"] == URL.split("://")[1].rstrip("/") + "/" + NAME, "repositoryUri")
    check(made["createdAt"].tzinfo is not None, "createdAt is a time")
    refused("RepositoryAlreadyExistsException", ecr.create_repository, repositoryName=NAME)
    refused("InvalidParameterException", ecr.create_repository, repositoryName=PREFIX + "/kms", encryptionConfiguration={"encryptionType": "KMS"})
    refused("InvalidTagParameterException", ecr.create_repository, repositoryName=PREFIX + "/t", tags=[{"Key": "aws:a", "Value": ""}])
    refused("TooManyTagsException", ecr.create_repository, repositoryName=PREFIX + "/t", tags=[{"Key": f"k{i}", "Value": ""} for i in range(51)])
    for i in range(3):
        ecr.create_repository(repositoryName=f"{PREFIX}/page-{i}")
    pages = list(ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 2}))
    names = [repository["repositoryName"] for page in pages for repository in page["repositories"]]
    check(len(pages) > 1 and sorted(names) == names and {NAME, f"{PREFIX}/page-2"} <= set(names), "pages of repositories")
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "210987654321"}, "Action": "ecr:BatchGetImage"}]})
    refused("RepositoryPolicyNotFoundException", ecr.get_repository_policy, repositoryName=NAME)
    refused("InvalidParameterException", ecr.set_repository_policy, repositoryName=NAME, policyText="{}")
    check(ecr.set_repository_policy(repositoryName=NAME, policyText=policy)["policyText"] == policy, "SetRepositoryPolicy")
    check(ecr.get_repository_policy(repositoryName=NAME)["policyText"] == policy, "GetRepositoryPolicy")
    check(ecr.delete_repository_policy(repositoryName=NAME)["policyText"] == policy, "DeleteRepositoryPolicy")
    refused("RegistryPolicyNotFoundException", ecr.get_registry_policy)
    check(ecr.put_registry_policy(policyText=policy)["policyText"] == policy, "PutRegistryPolicy")
    check(ecr.delete_registry_policy()["policyText"] == policy, "DeleteRegistryPolicy")
    refused("RepositoryNotFoundException", ecr.describe_repositories, repositoryNames=[NAME, "no-such"])

    arn = made["repositoryArn"]
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "b", "Value": "c"}])
    ecr.untag_resource(resourceArn=arn, tagKeys=["team"])
    check(ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "b", "Value": "c"}], "resource tags")
    ecr.put_image_tag_mutability(repositoryName=NAME, imageTagMutability="IMMUTABLE")
    check(ecr.describe_repositories(repositoryNames=[NAME])["repositories"][0]["imageTagMutability"] == "IMMUTABLE", "mutability")
    ecr.put_image_tag_mutability(repositoryName=NAME, imageTagMutability="MUTABLE")
    ecr.put_image_scanning_configuration(repositoryName=NAME, imageScanningConfiguration={"scanOnPush": False})
    check(ecr.describe_registry()["replicationConfiguration"] == {"rules": []}, "registry")


def layers_and_images():
    config, layer = b'{"architecture":"amd64","os":"linux"}', os.urandom(11 * 1024 * 1024)
    upload(config)
    upload(layer)
    empty = ecr.initiate_layer_upload(repositoryName=NAME)["uploadId"]
    refused("EmptyUploadException", ecr.complete_layer_upload, repositoryName=NAME, uploadId=empty, layerDigests=[digest(b"")])
    fault = refused("InvalidLayerPartException", ecr.upload_layer_part, repositoryName=NAME, uploadId=empty, partFirstByte=7, partLastByte=7, layerPartBlob=b"x")
    check(fault["uploadId"] == empty, "the fault names the upload")
    refused("UploadNotFoundException", ecr.complete_layer_upload, repositoryName=NAME, uploadId=str(uuid.uuid4()), layerDigests=[digest(b"")])
    refused("LayerInaccessibleException", ecr.get_download_url_for_layer, repositoryName=NAME, layerDigest=digest(layer))
    checked = ecr.batch_check_layer_availability(repositoryName=NAME, layerDigests=[digest(layer), digest(b"absent"), "x:y"])
    check([found["layerAvailability"] for found in checked["layers"]] == ["AVAILABLE", "UNAVAILABLE"], "availability")
    check(checked["failures"][0]["failureCode"] == "InvalidLayerDigest", "availability failure")

    text = manifest(config, [layer])
    put = ecr.put_image(repositoryName=NAME, imageManifest=text, imageTag="v1")["image"]
    check(put["imageId"] == {"imageDigest": digest(text.encode()), "imageTag": "v1"}, "imageId")
    refused("ImageAlreadyExistsException", ecr.put_image, repositoryName=NAME, imageManifest=text, imageTag="v1")
    refused("LayersNotFoundException", ecr.put_image, repositoryName=NAME, imageManifest=manifest(config, [b"absent"]))
    refused("ImageDigestDoesNotMatchException", ecr.put_image, repositoryName=NAME, imageManifest=text, imageDigest=digest(b""))
    url = ecr.get_download_url_for_layer(repositoryName=NAME, layerDigest=digest(layer))["downloadUrl"]
    with urllib.request.urlopen(url) as answer:
        check(answer.read() == layer, "the layer came down changed")
    try:
        urllib.request.urlopen(url.replace("expires=1", "expires=2"))
        raise AssertionError("a changed address was served")
    except urllib.error.HTTPError as fault:
        check(fault.code == 403, "a changed address")

    signature = manifest(config, [], artifactType=SIGNATURE, subject={"mediaType": OCI_MANIFEST, "digest": digest(text.encode()), "size": len(text)})
    ecr.put_image(repositoryName=NAME, imageManifest=signature)
    for i in range(5):
        ecr.put_image(repositoryName=NAME, imageManifest=text, imageTag=f"t{i}")
    got = ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "v1"}, {"imageTag": "no-such"}], acceptedMediaTypes=[OCI_MANIFEST])
    check(got["images"][0]["imageManifest"] == text and got["failures"][0]["failureCode"] == "ImageNotFound", "batch_get_image")

    ids = [each for page in ecr.get_paginator("list_images").paginate(repositoryName=NAME, PaginationConfig={"PageSize": 2}) for each in page["imageIds"]]
    check([each.get("imageTag") for each in ids] == ["t0", "t1", "t2", "t3", "t4", "v1", None], "list_images")
    details = [
        each
        for page in ecr.get_paginator("describe_images").paginate(repositoryName=NAME, PaginationConfig={"PageSize": 1})
        for each in page["imageDetails"]
    ]
    check(len(details) == 2, "describe_images")
    tagged = ecr.describe_images(repositoryName=NAME, filter={"tagStatus": "TAGGED"})["imageDetails"]
    check(len(tagged) == 1 and tagged[0]["imageSizeInBytes"] == len(config) + len(layer), "imageSizeInBytes")
    check(tagged[0]["imagePushedAt"].tzinfo is not None and len(tagged[0]["imageTags"]) == 6, "describe_images")
    untagged = ecr.describe_images(repositoryName=NAME, filter={"tagStatus": "UNTAGGED"})["imageDetails"]
    check(untagged[0]["artifactMediaType"] == SIGNATURE, "artifactMediaType")
    refused("ImageNotFoundException", ecr.describe_images, repositoryName=NAME, imageIds=[{"imageTag": "no-such"}])
    if "ListImageReferrers" in KNOWN:
        found = ecr.list_image_referrers(repositoryName=NAME, subjectId={"imageDigest": digest(text.encode())})["referrers"]
        check([each["artifactType"] for each in found] == [SIGNATURE], "referrers")

    gone = ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "t0"}, {"imageTag": "no-such"}])
    check(gone["imageIds"] == [{"imageDigest": digest(text.encode()), "imageTag": "t0"}], "batch_delete_image")
    check(gone["failures"][0]["failureCode"] == "ImageNotFound", "batch_delete_image failure")
    gone = ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": digest(text.encode())}])
    check(len(gone["imageIds"]) == 5, "batch_delete_image by digest")


def tokens_and_identity():
    data = ecr.get_authorization_token()["authorizationData"][0]
    user, password = base64.b64decode(data["authorizationToken"]).decode().split(":", 1)
    check(user == "AWS" and data["proxyEndpoint"] == URL.rstrip("/"), "authorizationData")
    request = urllib.request.Request(URL.rstrip("/") + f"/v2/{NAME}/tags/list")
    request.add_header("Authorization", "Basic " + data["authorizationToken"])
    with urllib.request.urlopen(request) as answer:
        check(json.load(answer)["name"] == NAME, "the token opens the registry")
    identity = sts.get_caller_identity()
    check(identity["Arn"].endswith(":root") and len(identity["Account"]) == 12, "identity")
    stranger = boto3.client("ecr", endpoint_url=URL, config=CONFIG, aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="wrong")
    try:
        stranger.describe_repositories()
        raise AssertionError("a wrong secret was accepted")
    except ecr.exceptions.ClientError as fault:
        check(fault.response["Error"]["Code"] == "InvalidSignatureException", "wrong secret")


def settings_of_the_registry():
    """In a region of their own: other tests of the same server count on the defaults."""
    ecr = boto3.client("ecr", endpoint_url=URL, config=CONFIG, region_name="eu-central-2")
    rules = [{"scanFrequency": "CONTINUOUS_SCAN", "repositoryFilters": [{"filter": PREFIX, "filterType": "WILDCARD"}]}]
    put = ecr.put_registry_scanning_configuration(scanType="ENHANCED", rules=rules)["registryScanningConfiguration"]
    check(put == {"scanType": "ENHANCED", "rules": rules}, "put_registry_scanning_configuration")
    check(ecr.get_registry_scanning_configuration()["scanningConfiguration"] == put, "get_registry_scanning_configuration")
    ecr.create_repository(repositoryName=NAME)
    got = ecr.batch_get_repository_scanning_configuration(repositoryNames=[NAME, "no-such"])
    check(got["scanningConfigurations"][0]["scanFrequency"] == "CONTINUOUS_SCAN", "scanFrequency")
    check(got["scanningConfigurations"][0]["appliedScanFilters"] == rules[0]["repositoryFilters"], "appliedScanFilters")
    check(got["failures"][0]["failureCode"] == "REPOSITORY_NOT_FOUND", "scanning failure")
    ecr.delete_repository(repositoryName=NAME)
    refused("InvalidParameterException", ecr.put_registry_scanning_configuration, rules=rules)

    if "PutAccountSetting" in KNOWN:
        for value in ("DISABLED", "ENABLED"):
            check(ecr.put_account_setting(name="BLOB_MOUNTING", value=value)["value"] == value, "put_account_setting")
            check(ecr.get_account_setting(name="BLOB_MOUNTING")["value"] == value, "get_account_setting")
        refused("InvalidParameterException", ecr.put_account_setting, name="BLOB_MOUNTING", value="SOMETIMES")
    if "RegisterPullTimeUpdateExclusion" in KNOWN:
        role = f"arn:aws:iam::123456789012:role/{PREFIX}"
        check(ecr.register_pull_time_update_exclusion(principalArn=role)["createdAt"].tzinfo is not None, "createdAt of an exclusion")
        refused("ExclusionAlreadyExistsException", ecr.register_pull_time_update_exclusion, principalArn=role)
        check(role in ecr.list_pull_time_update_exclusions()["pullTimeUpdateExclusions"], "list_pull_time_update_exclusions")
        check(ecr.deregister_pull_time_update_exclusion(principalArn=role)["principalArn"] == role, "deregister_pull_time_update_exclusion")
        refused("ExclusionNotFoundException", ecr.deregister_pull_time_update_exclusion, principalArn=role)
    if "CreateRepositoryCreationTemplate" in KNOWN:
        template = {"prefix": PREFIX, "appliedFor": ["CREATE_ON_PUSH"], "description": "by boto3", "imageTagMutability": "IMMUTABLE"}
        made = ecr.create_repository_creation_template(**template)["repositoryCreationTemplate"]
        check({key: made[key] for key in template} == template and made["createdAt"].tzinfo is not None, "create_repository_creation_template")
        refused("TemplateAlreadyExistsException", ecr.create_repository_creation_template, **template)
        ecr.initiate_layer_upload(repositoryName=NAME)
        check(ecr.describe_repositories(repositoryNames=[NAME])["repositories"][0]["imageTagMutability"] == "IMMUTABLE", "made by the template")
        ecr.delete_repository(repositoryName=NAME)
        ecr.update_repository_creation_template(prefix=PREFIX, appliedFor=["REPLICATION"])
        refused("RepositoryNotFoundException", ecr.initiate_layer_upload, repositoryName=NAME)
        found = ecr.describe_repository_creation_templates(prefixes=[PREFIX])["repositoryCreationTemplates"]
        check([each["appliedFor"] for each in found] == [["REPLICATION"]], "describe_repository_creation_templates")
        check(ecr.delete_repository_creation_template(prefix=PREFIX)["repositoryCreationTemplate"] == found[0], "delete_repository_creation_template")
        refused("TemplateNotFoundException", ecr.delete_repository_creation_template, prefix=PREFIX)


def lifecycle():
    """Six images under a policy that keeps two: waiter, paginator, summary and errors as every boto3 has them."""
    config = b'{"architecture":"arm64","os":"linux"}'
    upload(config)
    for i in range(6):
        layer = os.urandom(1000 + i)
        upload(layer)
        ecr.put_image(repositoryName=NAME, imageManifest=manifest(config, [layer]), imageTag=f"rel-{i}")
    rule = {
        "rulePriority": 1,
        "description": "two releases",
        "selection": {"tagStatus": "tagged", "tagPrefixList": ["rel-"], "countType": "imageCountMoreThan", "countNumber": 2},
        "action": {"type": "expire"},
    }
    text = json.dumps({"rules": [rule]})
    refused("LifecyclePolicyNotFoundException", ecr.get_lifecycle_policy, repositoryName=NAME)
    refused("LifecyclePolicyPreviewNotFoundException", ecr.get_lifecycle_policy_preview, repositoryName=NAME)
    wrong = json.dumps({"rules": [{**rule, "rulePriority": 0, "action": {"type": "keep"}}]})
    fault = refused("InvalidParameterException", ecr.put_lifecycle_policy, repositoryName=NAME, lifecyclePolicyText=wrong)
    check(fault["Error"]["Message"].count("\n") == 1, "both faults are told")
    check(ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=text)["lifecyclePolicyText"] == text, "put_lifecycle_policy")
    check(ecr.get_lifecycle_policy(repositoryName=NAME)["lifecyclePolicyText"] == text, "get_lifecycle_policy")
    check(ecr.start_lifecycle_policy_preview(repositoryName=NAME)["status"] == "IN_PROGRESS", "preview")
    ecr.get_waiter("lifecycle_policy_preview_complete").wait(repositoryName=NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    pages = ecr.get_paginator("get_lifecycle_policy_preview").paginate(repositoryName=NAME, PaginationConfig={"PageSize": 3})
    results = [each for page in pages for each in page["previewResults"]]
    check([each["imageTags"] for each in results] == [[f"rel-{i}"] for i in range(4)], "preview results")
    check({(each["action"]["type"], each["appliedRulePriority"]) for each in results} == {("EXPIRE", 1)}, "preview actions")
    preview = ecr.get_lifecycle_policy_preview(repositoryName=NAME, imageIds=[{"imageTag": "rel-0"}, {"imageTag": "rel-5"}])
    check(len(preview["previewResults"]) == 1 and preview["summary"]["expiringImageTotalCount"] == 4, "preview by ids")
    check(ecr.delete_lifecycle_policy(repositoryName=NAME)["lifecyclePolicyText"] == text, "delete_lifecycle_policy")


def clean_up():
    refused("RepositoryNotEmptyException", ecr.delete_repository, repositoryName=NAME)
    check(ecr.delete_repository(repositoryName=NAME, force=True)["repository"]["repositoryName"] == NAME, "delete")
    refused("RepositoryNotFoundException", ecr.delete_repository, repositoryName=NAME)
    for i in range(3):
        ecr.delete_repository(repositoryName=f"{PREFIX}/page-{i}")


repositories()
layers_and_images()
tokens_and_identity()
settings_of_the_registry()
lifecycle()
clean_up()
print(f"OK boto3 {boto3.__version__}")
