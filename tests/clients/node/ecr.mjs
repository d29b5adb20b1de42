// Every operation of ECR that Longshore offers, by the newest AWS SDK for JavaScript, against a running server: node ecr.mjs URL
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import * as aws from "@aws-sdk/client-ecr";

const url = process.argv[2];
const ecr = new aws.ECR({ endpoint: url, maxAttempts: 1 });
const prefix = `node-${randomBytes(4).toString("hex")}`;
const repositoryName = `${prefix}/app`;
const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
const OCI_CONFIG = "application/vnd.oci.image.config.v1+json";
const OCI_LAYER = "application/vnd.oci.image.layer.v1.tar";
const SIGNATURE = "application/vnd.example.signature";

const digest = (content) => "sha256:" + createHash("sha256").update(content).digest("hex");
const descriptor = (mediaType, content) => ({ mediaType, digest: digest(content), size: content.length });

/** The call must fail with the modelled exception, which the SDK makes an instance of its class. */
async function refused(error, promise) {
  await assert.rejects(promise, (fault) => {
    assert.ok(fault instanceof aws[error], `${fault.name}: ${fault.message} is not ${error}`);
    assert.equal(fault.$metadata.httpStatusCode, 400);
    assert.ok(fault.$metadata.requestId);
    return true;
  });
}

async function upload(content) {
  const { uploadId, partSize } = await ecr.initiateLayerUpload({ repositoryName });
  for (let first = 0; first < content.length; first += partSize) {
    const layerPartBlob = content.subarray(first, first + partSize);
    const partLastByte = first + layerPartBlob.length - 1;
    const answer = await ecr.uploadLayerPart({ repositoryName, uploadId, partFirstByte: first, partLastByte, layerPartBlob });
    assert.equal(answer.lastByteReceived, partLastByte);
  }
  const done = await ecr.completeLayerUpload({ repositoryName, uploadId, layerDigests: [digest(content)] });
  assert.equal(done.layerDigest, digest(content));
}

async function collect(pages, member) {
  const items = [];
  for await (const page of pages) items.push(...page[member]);
  return items;
}

async function repositories() {
  const { repository } = await ecr.createRepository({
    repositoryName,
    tags: [{ Key: "a", Value: "b" }],
    imageTagMutability: "IMMUTABLE_WITH_EXCLUSION",
    imageTagMutabilityExclusionFilters: [{ filterType: "WILDCARD", filter: "latest*" }],
    encryptionConfiguration: { encryptionType: "AES256" },
  });
  assert.equal(repository.repositoryUri, `${new URL(url).host}/${repositoryName}`);
  assert.ok(repository.createdAt instanceof Date);
  assert.deepEqual(repository.imageTagMutabilityExclusionFilters, [{ filterType: "WILDCARD", filter: "latest*" }]);
  await refused("RepositoryAlreadyExistsException", ecr.createRepository({ repositoryName }));
  await refused("InvalidParameterException", ecr.createRepository({ repositoryName: `${prefix}/x`, encryptionConfiguration: { encryptionType: "KMS_DSSE" } }));
  await refused("InvalidTagParameterException", ecr.createRepository({ repositoryName: `${prefix}/x`, tags: [{ Key: "aws:a", Value: "" }] }));
  for (let i = 0; i < 3; i++) await ecr.createRepository({ repositoryName: `${prefix}/page-${i}` });
  const found = await collect(aws.paginateDescribeRepositories({ client: ecr, pageSize: 2 }, {}), "repositories");
  assert.equal(found.filter((each) => each.repositoryName.startsWith(prefix + "/")).length, 4);
  await refused("RepositoryNotFoundException", ecr.describeRepositories({ repositoryNames: [repositoryName, "no-such"] }));

  const resourceArn = repository.repositoryArn;
  await ecr.tagResource({ resourceArn, tags: [{ Key: "c", Value: "d" }] });
  await ecr.untagResource({ resourceArn, tagKeys: ["a"] });
  assert.deepEqual((await ecr.listTagsForResource({ resourceArn })).tags, [{ Key: "c", Value: "d" }]);
  const mutability = await ecr.putImageTagMutability({
    repositoryName,
    imageTagMutability: "MUTABLE_WITH_EXCLUSION",
    imageTagMutabilityExclusionFilters: [{ filterType: "WILDCARD", filter: "release-*" }],
  });
  assert.equal(mutability.imageTagMutability, "MUTABLE_WITH_EXCLUSION");
  await ecr.putImageScanningConfiguration({ repositoryName, imageScanningConfiguration: { scanOnPush: true } });
  assert.deepEqual((await ecr.describeRegistry({})).replicationConfiguration, { rules: [] });
  await refused("ValidationException", ecr.describePullThroughCacheRules({}));

  const statement = { Sid: "Share", Effect: "Allow", Principal: { AWS: "arn:aws:iam::210987654321:root" }, Action: ["ecr:BatchGetImage"] };
  const policyText = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
  await refused("RepositoryPolicyNotFoundException", ecr.getRepositoryPolicy({ repositoryName }));
  await refused("InvalidParameterException", ecr.setRepositoryPolicy({ repositoryName, policyText: "{}" }));
  const lockOut = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Deny", Principal: "*", Action: "ecr:*" }] });
  await refused("InvalidParameterException", ecr.setRepositoryPolicy({ repositoryName, policyText: lockOut }));
  assert.equal((await ecr.setRepositoryPolicy({ repositoryName, policyText })).policyText, policyText);
  assert.equal((await ecr.getRepositoryPolicy({ repositoryName })).policyText, policyText);
  assert.equal((await ecr.deleteRepositoryPolicy({ repositoryName })).policyText, policyText);
  const registry = JSON.stringify({ Version: "2012-10-17", Statement: [{ ...statement, Action: ["ecr:ReplicateImage"], Resource: "arn:aws:ecr:us-east-1:123456789012:repository/*" }] });
  await refused("RegistryPolicyNotFoundException", ecr.getRegistryPolicy({}));
  assert.equal((await ecr.putRegistryPolicy({ policyText: registry })).policyText, registry);
  assert.equal((await ecr.getRegistryPolicy({})).policyText, registry);
  assert.equal((await ecr.deleteRegistryPolicy({})).policyText, registry);
}

async function layersAndImages() {
  const config = Buffer.from('{"architecture":"amd64","os":"linux"}');
  const layer = randomBytes(11 * 1024 * 1024);
  await upload(config);
  await upload(layer);
  await refused("LayerAlreadyExistsException", upload(config));
  const { uploadId } = await ecr.initiateLayerUpload({ repositoryName });
  const wrongPart = { repositoryName, uploadId, partFirstByte: 5, partLastByte: 5, layerPartBlob: Buffer.from("x") };
  await assert.rejects(ecr.uploadLayerPart(wrongPart), (fault) => fault instanceof aws.InvalidLayerPartException && fault.uploadId === uploadId);
  const availability = await ecr.batchCheckLayerAvailability({ repositoryName, layerDigests: [digest(layer), digest("absent")] });
  assert.deepEqual(availability.layers.map((each) => each.layerAvailability), ["AVAILABLE", "UNAVAILABLE"]);
  await refused("LayerInaccessibleException", ecr.getDownloadUrlForLayer({ repositoryName, layerDigest: digest(layer) }));

  const image = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: descriptor(OCI_CONFIG, config), layers: [descriptor(OCI_LAYER, layer)] };
  const imageManifest = JSON.stringify(image);
  const imageDigest = digest(imageManifest);
  const put = await ecr.putImage({ repositoryName, imageManifest, imageTag: "release-1" });
  assert.deepEqual(put.image.imageId, { imageDigest, imageTag: "release-1" });
  await refused("ImageTagAlreadyExistsException", ecr.putImage({ repositoryName, imageManifest, imageTag: "release-1" }));
  await ecr.putImage({ repositoryName, imageManifest, imageTag: "dev" });
  await refused("ImageAlreadyExistsException", ecr.putImage({ repositoryName, imageManifest, imageTag: "dev" }));
  const index = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [descriptor(OCI_MANIFEST, Buffer.from(imageManifest))] });
  await ecr.putImage({ repositoryName, imageManifest: index, imageTag: "index" });
  const orphan = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [descriptor(OCI_MANIFEST, Buffer.from("absent"))] });
  await refused("ReferencedImagesNotFoundException", ecr.putImage({ repositoryName, imageManifest: orphan }));
  for (let i = 0; i < 3; i++) {
    const signature = { ...image, layers: [], artifactType: SIGNATURE, annotations: { n: `${i}` }, subject: descriptor(OCI_MANIFEST, Buffer.from(imageManifest)) };
    await ecr.putImage({ repositoryName, imageManifest: JSON.stringify(signature) });
  }

  const { downloadUrl } = await ecr.getDownloadUrlForLayer({ repositoryName, layerDigest: digest(layer) });
  const down = await fetch(downloadUrl);
  assert.equal(digest(Buffer.from(await down.arrayBuffer())), digest(layer));

  const got = await ecr.batchGetImage({ repositoryName, imageIds: [{ imageTag: "dev" }, { imageTag: "no-such" }] });
  assert.equal(got.images[0].imageManifest, imageManifest);
  assert.equal(got.failures[0].failureCode, "ImageNotFound");
  const ids = await collect(aws.paginateListImages({ client: ecr, pageSize: 2 }, { repositoryName }), "imageIds");
  assert.deepEqual(ids.map((each) => each.imageTag), ["dev", "index", "release-1", undefined, undefined, undefined]);
  const details = await collect(aws.paginateDescribeImages({ client: ecr, pageSize: 2 }, { repositoryName, filter: { imageStatus: "ACTIVE" } }), "imageDetails");
  assert.equal(details.length, 5);
  const detail = details.find((each) => each.imageDigest === imageDigest);
  assert.equal(detail.imageSizeInBytes, config.length + layer.length);
  assert.equal(detail.imageStatus, "ACTIVE");
  assert.ok(detail.imagePushedAt instanceof Date);
  assert.equal(details.filter((each) => each.subjectManifestDigest === imageDigest).length, 3);
  assert.deepEqual((await ecr.describeImages({ repositoryName, filter: { imageStatus: "ARCHIVED" } })).imageDetails, []);
  const list = { repositoryName, subjectId: { imageDigest }, filter: { artifactTypes: [SIGNATURE] }, maxResults: 2 };
  const first = await ecr.listImageReferrers(list);
  const second = await ecr.listImageReferrers({ ...list, nextToken: first.nextToken });
  assert.deepEqual([first.referrers.length, second.referrers.length, second.nextToken], [2, 1, undefined]);
  assert.equal(first.referrers[0].artifactStatus, "ACTIVE");
  await refused("ImageNotFoundException", ecr.describeImages({ repositoryName, imageIds: [{ imageTag: "no-such" }] }));

  const held = await ecr.batchDeleteImage({ repositoryName, imageIds: [{ imageDigest }] });
  assert.equal(held.failures[0].failureCode, "ImageReferencedByManifestList");
  const gone = await ecr.batchDeleteImage({ repositoryName, imageIds: [{ imageTag: "index" }, { imageDigest }] });
  assert.deepEqual(gone.imageIds.map((each) => each.imageTag), ["index", "dev", "release-1"]);
}

/** In a region of their own: other tests of the same server count on the defaults. */
async function settingsOfTheRegistry() {
  const ecr = new aws.ECR({ endpoint: url, maxAttempts: 1, region: "eu-south-1" });
  const filters = [{ filter: `${prefix}*`, filterType: "WILDCARD" }];
  const rules = [{ scanFrequency: "SCAN_ON_PUSH", repositoryFilters: filters }];
  await ecr.putRegistryScanningConfiguration({ scanType: "BASIC", rules });
  assert.deepEqual((await ecr.getRegistryScanningConfiguration({})).scanningConfiguration, { scanType: "BASIC", rules });
  for (const value of ["DISABLED", "ENABLED"]) {
    assert.equal((await ecr.putAccountSetting({ name: "BLOB_MOUNTING", value })).value, value);
    assert.equal((await ecr.getAccountSetting({ name: "BLOB_MOUNTING" })).value, value);
  }
  await refused("InvalidParameterException", ecr.getAccountSetting({ name: "NO_SUCH" }));

  const principalArn = `arn:aws:iam::123456789012:role/${prefix}`;
  assert.ok((await ecr.registerPullTimeUpdateExclusion({ principalArn })).createdAt instanceof Date);
  await refused("ExclusionAlreadyExistsException", ecr.registerPullTimeUpdateExclusion({ principalArn }));
  assert.ok((await ecr.listPullTimeUpdateExclusions({})).pullTimeUpdateExclusions.includes(principalArn));
  await ecr.deregisterPullTimeUpdateExclusion({ principalArn });
  await refused("ExclusionNotFoundException", ecr.deregisterPullTimeUpdateExclusion({ principalArn }));

  const template = { appliedFor: ["CREATE_ON_PUSH"], imageTagMutability: "IMMUTABLE", resourceTags: [{ Key: "a", Value: "b" }], customRoleArn: principalArn };
  for (const each of [prefix, `${prefix}-2`]) await ecr.createRepositoryCreationTemplate({ prefix: each, ...template });
  await refused("TemplateAlreadyExistsException", ecr.createRepositoryCreationTemplate({ prefix, ...template }));
  const pages = await collect(aws.paginateDescribeRepositoryCreationTemplates({ client: ecr, pageSize: 1 }, {}), "repositoryCreationTemplates");
  assert.deepEqual(pages.map((each) => each.prefix).filter((each) => each.startsWith(prefix)), [prefix, `${prefix}-2`]);
  await ecr.initiateLayerUpload({ repositoryName });
  const { repositories } = await ecr.describeRepositories({ repositoryNames: [repositoryName] });
  assert.equal(repositories[0].imageTagMutability, "IMMUTABLE");
  assert.deepEqual((await ecr.listTagsForResource({ resourceArn: repositories[0].repositoryArn })).tags, template.resourceTags);
  const scanning = await ecr.batchGetRepositoryScanningConfiguration({ repositoryNames: [repositoryName, "no-such"] });
  assert.deepEqual(scanning.scanningConfigurations.map((each) => [each.scanFrequency, each.appliedScanFilters]), [["SCAN_ON_PUSH", filters]]);
  assert.equal(scanning.failures[0].failureCode, "REPOSITORY_NOT_FOUND");
  const updated = await ecr.updateRepositoryCreationTemplate({ prefix, description: "changed" });
  assert.equal(updated.repositoryCreationTemplate.description, "changed");
  assert.deepEqual(updated.repositoryCreationTemplate.resourceTags, template.resourceTags);
  for (const each of [prefix, `${prefix}-2`]) await ecr.deleteRepositoryCreationTemplate({ prefix: each });
  await refused("TemplateNotFoundException", ecr.deleteRepositoryCreationTemplate({ prefix }));
  await ecr.deleteRepository({ repositoryName });
}

async function tokensAndEnd() {
  const { authorizationData } = await ecr.getAuthorizationToken({});
  assert.equal(authorizationData[0].proxyEndpoint, url.replace(/\/$/, ""));
  const answer = await fetch(new URL(`/v2/${repositoryName}/tags/list`, url), { headers: { Authorization: `Basic ${authorizationData[0].authorizationToken}` } });
  assert.equal(answer.status, 200);
  await refused("RepositoryNotEmptyException", ecr.deleteRepository({ repositoryName }));
  await ecr.deleteRepository({ repositoryName, force: true });
  await refused("RepositoryNotFoundException", ecr.deleteRepository({ repositoryName }));
  for (let i = 0; i < 3; i++) await ecr.deleteRepository({ repositoryName: `${prefix}/page-${i}` });
}

await repositories();
await layersAndImages();
await settingsOfTheRegistry();
await tokensAndEnd();
console.log("OK @aws-sdk/client-ecr");
