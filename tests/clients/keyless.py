"""boto3 without any key: AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN and AWS_ENDPOINT_URL are all it is given.

python3 keyless.py ALLOWED-REPOSITORY OTHER-REPOSITORY
"""
import functools
import os
import sys

import boto3
import botocore.session
from botocore.credentials import AssumeRoleWithWebIdentityProvider, CredentialResolver
from botocore.exceptions import ClientError

allowed, other = sys.argv[1:]
url = os.environ["AWS_ENDPOINT_URL"]
core = botocore.session.get_session()
knows_endpoint_url = tuple(int(part) for part in botocore.__version__.split(".")[:2]) >= (1, 31)
if not knows_endpoint_url:
    # Before AWS_ENDPOINT_URL: the SDK's own provider, told where STS is.
    core.register_component(
        "credential_provider",
        CredentialResolver([
            AssumeRoleWithWebIdentityProvider(
                load_config=lambda: core.full_config,
                client_creator=functools.partial(core.create_client, endpoint_url=url),
                profile_name="default",
                disable_env_vars=False,
            )
        ]),
    )
session = boto3.Session(botocore_session=core)
ecr = session.client("ecr", **({} if knows_endpoint_url else {"endpoint_url": url}))
credentials = session.get_credentials().get_frozen_credentials()
assert credentials.access_key.startswith("ASIA") and credentials.token
assert ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
assert ecr.describe_repositories(repositoryNames=[allowed])["repositories"][0]["repositoryName"] == allowed
try:
    ecr.describe_repositories(repositoryNames=[other])
    raise SystemExit("the other repository was described")
except ClientError as error:
    assert error.response["Error"]["Code"] == "AccessDeniedException", error
    assert "is not authorized to perform: ecr:DescribeRepositories on resource" in error.response["Error"]["Message"], error
print("OK keyless", boto3.__version__, "by itself" if knows_endpoint_url else "with a provider told where STS is")
