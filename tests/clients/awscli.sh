#!/bin/sh
# Every operation of ECR that Longshore offers and this AWS CLI's model knows, against a running server: awscli.sh URL
set -eu
url=$1
aws=${LONGSHORE_TEST_AWS:-/usr/bin/aws}
name="awscli-$$/app"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export AWS_PAGER=

ecr() { "$aws" --endpoint-url "$url" --output text ecr "$@"; }
fail() { echo "FAILED: $*" >&2; exit 1; }
same() { [ "$1" = "$2" ] || fail "expected '$1', got '$2'"; }
refused() { # ERROR COMMAND…
  error=$1; shift
  if ecr "$@" >"$dir/out" 2>&1; then fail "no $error from $1"; fi
  grep -q "($error)" "$dir/out" || fail "no $error but $(cat "$dir/out")"
}
digest() { echo "sha256:$(sha256sum "$1" | cut -d' ' -f1)"; }
size() { wc -c <"$1" | tr -d ' '; }
upload() {
  id=$(ecr initiate-layer-upload --repository-name "$name" --query uploadId)
  last=$(($(size "$1") - 1))
  same "$last" "$(ecr upload-layer-part --repository-name "$name" --upload-id "$id" --part-first-byte 0 --part-last-byte $last \
    --layer-part-blob "fileb://$1" --query lastByteReceived)"
  same "$(digest "$1")" "$(ecr complete-layer-upload --repository-name "$name" --upload-id "$id" --layer-digests "$(digest "$1")" --query layerDigest)"
}

# Repositories
same "${url#*://}/$name" "$(ecr create-repository --repository-name "$name" --tags Key=a,Value=b --query repository.repositoryUri)"
refused RepositoryAlreadyExistsException create-repository --repository-name "$name"
refused InvalidParameterException create-repository --repository-name "$name-kms" --encryption-configuration encryptionType=KMS
arn=$(ecr describe-repositories --repository-names "$name" --query 'repositories[0].repositoryArn')
refused RepositoryNotFoundException describe-repositories --repository-names no-such
for i in 1 2 3; do ecr create-repository --repository-name "$name-$i" >/dev/null; done
same 4 "$(ecr describe-repositories --page-size 2 --query "length(repositories[?starts_with(repositoryName, '$name')])" | awk '{ n += $1 } END { print n }')"
ecr tag-resource --resource-arn "$arn" --tags Key=c,Value=d
ecr untag-resource --resource-arn "$arn" --tag-keys a
same c "$(ecr list-tags-for-resource --resource-arn "$arn" --query 'tags[].Key')"
same IMMUTABLE "$(ecr put-image-tag-mutability --repository-name "$name" --image-tag-mutability IMMUTABLE --query imageTagMutability)"
same MUTABLE "$(ecr put-image-tag-mutability --repository-name "$name" --image-tag-mutability MUTABLE --query imageTagMutability)"
same True "$(ecr put-image-scanning-configuration --repository-name "$name" --image-scanning-configuration scanOnPush=true --query imageScanningConfiguration.scanOnPush)"
ecr describe-registry --query registryId >/dev/null

# Layers
printf '{"architecture":"amd64","os":"linux"}' >"$dir/config"
head -c 3000000 /dev/urandom >"$dir/layer"
upload "$dir/config"
upload "$dir/layer"
same AVAILABLE "$(ecr batch-check-layer-availability --repository-name "$name" --layer-digests "$(digest "$dir/layer")" --query 'layers[].layerAvailability')"
refused LayerInaccessibleException get-download-url-for-layer --repository-name "$name" --layer-digest "$(digest "$dir/layer")"

# Images
cat >"$dir/manifest" <<EOF
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
 "config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"$(digest "$dir/config")","size":$(size "$dir/config")},
 "layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"$(digest "$dir/layer")","size":$(size "$dir/layer")}]}
EOF
image=$(ecr put-image --repository-name "$name" --image-tag v1 --image-manifest "file://$dir/manifest" --query image.imageId.imageDigest)
refused ImageAlreadyExistsException put-image --repository-name "$name" --image-tag v1 --image-manifest "file://$dir/manifest"
for i in 2 3 4 5; do ecr put-image --repository-name "$name" --image-tag "v$i" --image-manifest "file://$dir/manifest" >/dev/null; done
curl -sf "$(ecr get-download-url-for-layer --repository-name "$name" --layer-digest "$(digest "$dir/layer")" --query downloadUrl)" -o "$dir/down"
cmp "$dir/layer" "$dir/down"
same "$image" "$(ecr batch-get-image --repository-name "$name" --image-ids imageTag=v1 --query 'images[].imageId.imageDigest')"
same ImageNotFound "$(ecr batch-get-image --repository-name "$name" --image-ids imageTag=no-such --query 'failures[].failureCode')"
same "v1 v2 v3 v4 v5" "$(ecr list-images --repository-name "$name" --page-size 2 --query 'imageIds[].imageTag' | tr '\t\n' '  ' | sed 's/ *$//')"
same 5 "$(ecr describe-images --repository-name "$name" --filter tagStatus=TAGGED --query 'length(imageDetails[0].imageTags)')"
refused ImageNotFoundException describe-images --repository-name "$name" --image-ids imageTag=no-such
same v5 "$(ecr batch-delete-image --repository-name "$name" --image-ids imageTag=v5 --query 'imageIds[].imageTag')"

# Tokens and identity
[ "$(ecr get-login-password | wc -c)" -gt 50 ] || fail "no password"
same "$url" "$(ecr get-authorization-token --query 'authorizationData[].proxyEndpoint')"
"$aws" --endpoint-url "$url" --output text sts get-caller-identity --query Arn | grep -q ':root$' || fail "identity"

# Settings of the registry, in a region of their own
settings() { "$aws" --endpoint-url "$url" --region eu-central-1 --output text ecr "$@"; }
rule='scanFrequency=SCAN_ON_PUSH,repositoryFilters=[{filter=awscli*,filterType=WILDCARD}]'
same BASIC "$(settings put-registry-scanning-configuration --scan-type BASIC --rules "$rule" --query registryScanningConfiguration.scanType)"
same 'awscli*' "$(settings get-registry-scanning-configuration --query 'scanningConfiguration.rules[0].repositoryFilters[0].filter')"
settings create-repository --repository-name "$name" >/dev/null
same SCAN_ON_PUSH "$(settings batch-get-repository-scanning-configuration --repository-names "$name" no-such --query 'scanningConfigurations[].scanFrequency')"
same REPOSITORY_NOT_FOUND "$(settings batch-get-repository-scanning-configuration --repository-names "$name" no-such --query 'failures[].failureCode')"
settings delete-repository --repository-name "$name" >/dev/null
if settings get-account-setting --name BLOB_MOUNTING >/dev/null 2>&1; then # A CLI whose model knows the newer operations.
  same DISABLED "$(settings put-account-setting --name BLOB_MOUNTING --value DISABLED --query value)"
  same DISABLED "$(settings get-account-setting --name BLOB_MOUNTING --query value)"
  same ENABLED "$(settings put-account-setting --name BLOB_MOUNTING --value ENABLED --query value)"
  role="arn:aws:iam::123456789012:role/awscli-$$"
  same "$role" "$(settings register-pull-time-update-exclusion --principal-arn "$role" --query principalArn)"
  same "$role" "$(settings list-pull-time-update-exclusions --query "pullTimeUpdateExclusions[?@ == '$role']")"
  same "$role" "$(settings deregister-pull-time-update-exclusion --principal-arn "$role" --query principalArn)"
  prefix="awscli-$$"
  same "$prefix" "$(settings create-repository-creation-template --prefix "$prefix" --applied-for CREATE_ON_PUSH --image-tag-mutability IMMUTABLE \
    --resource-tags Key=a,Value=b --custom-role-arn "$role" --query repositoryCreationTemplate.prefix)"
  settings initiate-layer-upload --repository-name "$prefix/made" >/dev/null
  same IMMUTABLE "$(settings describe-repositories --repository-names "$prefix/made" --query 'repositories[0].imageTagMutability')"
  same MUTABLE "$(settings update-repository-creation-template --prefix "$prefix" --image-tag-mutability MUTABLE --query repositoryCreationTemplate.imageTagMutability)"
  same "$prefix" "$(settings describe-repository-creation-templates --prefixes "$prefix" --query 'repositoryCreationTemplates[].prefix')"
  same "$prefix" "$(settings delete-repository-creation-template --prefix "$prefix" --query repositoryCreationTemplate.prefix)"
  settings delete-repository --repository-name "$prefix/made" >/dev/null
fi

# Policies of the repository and of the registry
policy='{"Version":"2012-10-17","Statement":[{"Sid":"Share","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::210987654321:root"},"Action":"ecr:BatchGetImage"}]}'
refused RepositoryPolicyNotFoundException get-repository-policy --repository-name "$name"
refused InvalidParameterException set-repository-policy --repository-name "$name" --policy-text '{"Statement":[{"Effect":"Deny","Principal":"*","Action":"ecr:*"}]}'
same "$policy" "$(ecr set-repository-policy --repository-name "$name" --policy-text "$policy" --query policyText)"
same "$policy" "$(ecr get-repository-policy --repository-name "$name" --query policyText)"
same "$policy" "$(ecr delete-repository-policy --repository-name "$name" --query policyText)"
same "$policy" "$(ecr put-registry-policy --policy-text "$policy" --query policyText)"
same "$policy" "$(ecr get-registry-policy --query policyText)"
same "$policy" "$(ecr delete-registry-policy --query policyText)"
refused RegistryPolicyNotFoundException get-registry-policy

# What is not offered, and the end
refused ValidationException start-image-scan --repository-name "$name" --image-id imageTag=v1
refused RepositoryNotEmptyException delete-repository --repository-name "$name"
for i in '' -1 -2 -3; do ecr delete-repository --repository-name "$name$i" --force >/dev/null; done
refused RepositoryNotFoundException delete-repository --repository-name "$name"
echo "OK $("$aws" --version)"
