#!/bin/sh
# Each group of IAM's commands that Longshore offers, by the AWS CLI, against a running server: awscli_iam.sh URL
set -eu
url=$1
aws=${LONGSHORE_TEST_AWS:-/usr/bin/aws}
n="cli$$"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export AWS_PAGER=

iam() { "$aws" --endpoint-url "$url" --output text iam "$@"; }
fail() { echo "FAILED: $*" >&2; exit 1; }
same() { [ "$1" = "$2" ] || fail "expected '$1', got '$2'"; }
refused() { # ERROR COMMAND…
  error=$1; shift
  if iam "$@" >"$dir/out" 2>&1; then fail "no $error from $1"; fi
  grep -q "($error)" "$dir/out" || fail "no $error but $(cat "$dir/out")"
}
cat >"$dir/trust.json" <<'EOF'
{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"}}
EOF
cat >"$dir/policy.json" <<'EOF'
{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecr:Batch*","ecr:GetAuthorizationToken"],"Resource":"*"}]}
EOF
pull=arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly

# Users
same "arn:aws:iam::123456789012:user/cli/$n" "$(iam create-user --user-name "$n" --path /cli/ --tags Key=team,Value=a --query User.Arn)"
refused EntityAlreadyExists create-user --user-name "$n"
same a "$(iam get-user --user-name "$n" --query 'User.Tags[0].Value')"
same "$n" "$(iam list-users --path-prefix /cli/ --page-size 1 --query "Users[?UserName=='$n'].UserName")"
iam update-user --user-name "$n" --new-user-name "$n-x"
iam tag-user --user-name "$n-x" --tags Key=b,Value=c
iam untag-user --user-name "$n-x" --tag-keys team
same b "$(iam list-user-tags --user-name "$n-x" --query 'Tags[].Key')"

# Groups
iam create-group --group-name "$n" >/dev/null
iam add-user-to-group --group-name "$n" --user-name "$n-x"
same "$n-x" "$(iam get-group --group-name "$n" --query 'Users[].UserName')"
same "$n" "$(iam list-groups-for-user --user-name "$n-x" --query 'Groups[].GroupName')"

# Roles
iam create-role --role-name "$n" --assume-role-policy-document "file://$dir/trust.json" --description d >/dev/null
refused MalformedPolicyDocument create-role --role-name "$n-y" --assume-role-policy-document "file://$dir/policy.json"
iam update-role --role-name "$n" --max-session-duration 7200
iam update-assume-role-policy --role-name "$n" --policy-document "file://$dir/trust.json"
same sts:AssumeRole "$(iam get-role --role-name "$n" --query Role.AssumeRolePolicyDocument.Statement.Action)"
same 7200 "$(iam get-role --role-name "$n" --query Role.MaxSessionDuration)"
iam tag-role --role-name "$n" --tags Key=b,Value=c
same c "$(iam list-role-tags --role-name "$n" --query 'Tags[].Value')"
same "" "$(iam list-instance-profiles-for-role --role-name "$n" --query 'InstanceProfiles[]')"

# Inline policies
iam put-user-policy --user-name "$n-x" --policy-name p --policy-document "file://$dir/policy.json"
iam put-group-policy --group-name "$n" --policy-name p --policy-document "file://$dir/policy.json"
iam put-role-policy --role-name "$n" --policy-name p --policy-document "file://$dir/policy.json"
same p "$(iam list-role-policies --role-name "$n" --query 'PolicyNames[]')"
same Allow "$(iam get-user-policy --user-name "$n-x" --policy-name p --query 'PolicyDocument.Statement[0].Effect')"
refused DeleteConflict delete-role --role-name "$n"
iam delete-role-policy --role-name "$n" --policy-name p

# Managed policies
arn=$(iam create-policy --policy-name "$n" --policy-document "file://$dir/policy.json" --query Policy.Arn)
same v2 "$(iam create-policy-version --policy-arn "$arn" --policy-document "file://$dir/policy.json" --set-as-default --query PolicyVersion.VersionId)"
iam delete-policy-version --policy-arn "$arn" --version-id v1
same True "$(iam list-policy-versions --policy-arn "$arn" --query 'Versions[].IsDefaultVersion')"
same Allow "$(iam get-policy-version --policy-arn "$arn" --version-id v2 --query 'PolicyVersion.Document.Statement[0].Effect')"
iam attach-role-policy --role-name "$n" --policy-arn "$arn"
iam attach-group-policy --group-name "$n" --policy-arn "$pull"
same AmazonEC2ContainerRegistryPullOnly "$(iam list-attached-group-policies --group-name "$n" --query 'AttachedPolicies[].PolicyName')"
same "$n" "$(iam list-entities-for-policy --policy-arn "$arn" --query 'PolicyRoles[].RoleName')"
iam put-user-permissions-boundary --user-name "$n-x" --permissions-boundary "$arn"
same "$arn" "$(iam get-user --user-name "$n-x" --query User.PermissionsBoundary.PermissionsBoundaryArn)"
refused DeleteConflict delete-policy --policy-arn "$arn"
same 4 "$(iam list-policies --scope AWS --query 'length(Policies)')"

# Simulation
user=$(iam get-user --user-name "$n-x" --query User.Arn)
same "allowed implicitDeny" "$(iam simulate-principal-policy --policy-source-arn "$user" --action-names ecr:BatchGetImage ecr:PutImage \
  --query 'EvaluationResults[].EvalDecision' | tr '\t' ' ')"
same allowed "$(iam simulate-custom-policy --policy-input-list "$(cat "$dir/policy.json")" --action-names ecr:BatchGetImage --query 'EvaluationResults[].EvalDecision')"

# Access keys
iam create-access-key --user-name "$n-x" --query 'AccessKey.[AccessKeyId,SecretAccessKey]' >"$dir/key"
key=$(cut -f1 "$dir/key"); secret=$(cut -f2 "$dir/key")
same "arn:aws:iam::123456789012:user/cli/$n-x" "$(AWS_ACCESS_KEY_ID=$key AWS_SECRET_ACCESS_KEY=$secret "$aws" --endpoint-url "$url" --output text sts get-caller-identity --query Arn)"
iam update-access-key --user-name "$n-x" --access-key-id "$key" --status Inactive
same Inactive "$(iam list-access-keys --user-name "$n-x" --query 'AccessKeyMetadata[].Status')"
same "$n-x" "$(iam get-access-key-last-used --access-key-id "$key" --query UserName)"
refused DeleteConflict delete-user --user-name "$n-x"

# Identity providers
idp=$(iam create-open-id-connect-provider --url "https://$n.example" --client-id-list sts.amazonaws.com --thumbprint-list 6938fd4d98bab03faadb97b34396831e3780aea1 --query OpenIDConnectProviderArn)
iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn "$idp" --client-id other
same "sts.amazonaws.com other" "$(iam get-open-id-connect-provider --open-id-connect-provider-arn "$idp" --query 'ClientIDList[]' | tr '\t' ' ')"
iam delete-open-id-connect-provider --open-id-connect-provider-arn "$idp"

# The account, and what Terraform asks before it deletes a user
same 5 "$(iam get-account-summary --query SummaryMap.VersionsPerPolicyQuota)"
iam get-account-authorization-details --filter User Role >/dev/null
same "" "$(iam list-mfa-devices --user-name "$n-x" --query 'MFADevices[]')"
refused NoSuchEntity delete-login-profile --user-name "$n-x"

# All goes again
iam delete-access-key --user-name "$n-x" --access-key-id "$key"
iam delete-user-permissions-boundary --user-name "$n-x"
iam delete-user-policy --user-name "$n-x" --policy-name p
iam remove-user-from-group --group-name "$n" --user-name "$n-x"
iam delete-user --user-name "$n-x"
iam detach-group-policy --group-name "$n" --policy-arn "$pull"
iam delete-group-policy --group-name "$n" --policy-name p
iam delete-group --group-name "$n"
iam detach-role-policy --role-name "$n" --policy-arn "$arn"
iam delete-role --role-name "$n"
iam delete-policy --policy-arn "$arn"
refused NoSuchEntity get-role --role-name "$n"
echo "OK IAM by $("$aws" --version)"
