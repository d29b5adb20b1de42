#!/usr/bin/env python3
"""IAM by boto3: resources, paginators, waiters and error shapes, against a running server: boto3_iam.py URL"""

import json
import os
import sys

import boto3

url = sys.argv[1]
iam = boto3.client("iam", endpoint_url=url)
n = f"boto{os.getpid()}"
document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}]})
trust = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}]}
)


def refused(error, call, **arguments):
    try:
        call(**arguments)
    except error as e:
        return e.response["Error"]
    raise AssertionError(f"{error} was not raised")


for i in range(7):
    iam.create_user(UserName=f"{n}-{i}", Path=f"/{n}/")
    iam.create_role(RoleName=f"{n}-{i}", Path=f"/{n}/", AssumeRolePolicyDocument=trust)
    iam.create_group(GroupName=f"{n}-{i}", Path=f"/{n}/")
    iam.create_policy(PolicyName=f"{n}-{i}", Path=f"/{n}/", PolicyDocument=document)
    iam.put_user_policy(UserName=f"{n}-0", PolicyName=f"p{i}", PolicyDocument=document)
    iam.attach_user_policy(UserName=f"{n}-0", PolicyArn=f"arn:aws:iam::123456789012:policy/{n}/{n}-{i}")
    iam.add_user_to_group(UserName=f"{n}-0", GroupName=f"{n}-{i}")
    iam.tag_user(UserName=f"{n}-0", Tags=[{"Key": f"k{i}", "Value": str(i)}])
iam.get_waiter("user_exists").wait(UserName=f"{n}-0")
iam.get_waiter("role_exists").wait(RoleName=f"{n}-0")
iam.get_waiter("policy_exists").wait(PolicyArn=f"arn:aws:iam::123456789012:policy/{n}/{n}-0")

lists = {
    "list_users": ("Users", {"PathPrefix": f"/{n}/"}),
    "list_roles": ("Roles", {"PathPrefix": f"/{n}/"}),
    "list_groups": ("Groups", {"PathPrefix": f"/{n}/"}),
    "list_policies": ("Policies", {"PathPrefix": f"/{n}/", "Scope": "Local"}),
    "list_user_policies": ("PolicyNames", {"UserName": f"{n}-0"}),
    "list_attached_user_policies": ("AttachedPolicies", {"UserName": f"{n}-0"}),
    "list_groups_for_user": ("Groups", {"UserName": f"{n}-0"}),
    "list_user_tags": ("Tags", {"UserName": f"{n}-0"}),
}
for operation, (key, arguments) in lists.items():
    pages = [page for page in iam.get_paginator(operation).paginate(PaginationConfig={"PageSize": 3}, **arguments)]
    found = [item for page in pages for item in page[key]]
    assert len(found) == 7, (operation, len(found))
    assert [len(page[key]) for page in pages] == [3, 3, 1], (operation, [len(page[key]) for page in pages])
seen = [
    user["UserName"]
    for page in iam.get_paginator("get_account_authorization_details").paginate(Filter=["User", "Group"], PaginationConfig={"PageSize": 4})
    for user in page["UserDetailList"]
    if user["UserName"].startswith(n)
]
assert len(seen) == len(set(seen)) == 7, seen

assert refused(iam.exceptions.NoSuchEntityException, iam.get_user, UserName="nobody")["Message"] == "The user with name nobody cannot be found."
refused(iam.exceptions.EntityAlreadyExistsException, iam.create_user, UserName=f"{n}-0".upper())
refused(iam.exceptions.DeleteConflictException, iam.delete_user, UserName=f"{n}-0")
refused(iam.exceptions.MalformedPolicyDocumentException, iam.create_policy, PolicyName=n, PolicyDocument="{}")
iam.create_access_key(UserName=f"{n}-0")
iam.create_access_key(UserName=f"{n}-0")
refused(iam.exceptions.LimitExceededException, iam.create_access_key, UserName=f"{n}-0")

# botocore decodes documents that are percent-encoded as RFC 3986 has it.
assert iam.get_role(RoleName=f"{n}-0")["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Action"] == "sts:AssumeRole"
user = boto3.resource("iam", endpoint_url=url).User(f"{n}-0")
assert {policy.policy_name for policy in user.attached_policies.all()} == {f"{n}-{i}" for i in range(7)}
simulated = iam.simulate_principal_policy(
    PolicySourceArn=user.arn, ActionNames=["ecr:PutImage", "iam:GetUser"], ResourceArns=["arn:aws:ecr:us-east-1:123456789012:repository/a"]
)["EvaluationResults"]
assert [result["EvalDecision"] for result in simulated] == ["allowed", "implicitDeny"], simulated
print("OK boto3", boto3.__version__)
