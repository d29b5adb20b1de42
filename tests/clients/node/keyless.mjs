// The AWS SDK for JavaScript without any key: AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN and AWS_ENDPOINT_URL are all it is given.
// node keyless.mjs ALLOWED-REPOSITORY OTHER-REPOSITORY
import assert from "node:assert/strict";
import { ECR } from "@aws-sdk/client-ecr";

const [allowed, other] = process.argv.slice(2);
const ecr = new ECR({ maxAttempts: 1 });
const { accessKeyId, sessionToken } = await ecr.config.credentials();
assert.match(accessKeyId, /^ASIA/);
assert.ok(sessionToken);
const { authorizationData } = await ecr.getAuthorizationToken({});
assert.ok(authorizationData[0].expiresAt > new Date());
const { repositories } = await ecr.describeRepositories({ repositoryNames: [allowed] });
assert.equal(repositories[0].repositoryName, allowed);
await assert.rejects(ecr.describeRepositories({ repositoryNames: [other] }), (fault) => {
  assert.equal(fault.name, "AccessDeniedException");
  assert.match(fault.message, /assumed-role\/.* is not authorized to perform: ecr:DescribeRepositories on resource/);
  return true;
});
console.log("OK keyless");
