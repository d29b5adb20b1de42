-- Access: users, groups, roles, their policies and keys, identity providers, and the policies of repositories and registries.
-- Tokens and times as in 0001. Names of IAM are unique without regard to case: name_key is the name in lower case.

ALTER TABLE principals ADD COLUMN name_key {text} NOT NULL DEFAULT '';
ALTER TABLE principals ADD COLUMN path {text} NOT NULL DEFAULT '/';
ALTER TABLE principals ADD COLUMN description {text};
ALTER TABLE principals ADD COLUMN trust_policy {text};           -- roles: who may assume it
ALTER TABLE principals ADD COLUMN max_session_seconds BIGINT;    -- roles
ALTER TABLE principals ADD COLUMN boundary_arn {text};           -- permissions boundary: ARN of a managed policy
ALTER TABLE principals ADD COLUMN last_used_at BIGINT;
ALTER TABLE principals ADD COLUMN last_used_region {text};
ALTER TABLE principals ADD COLUMN sessions_valid_from BIGINT;    -- sessions issued before are revoked
UPDATE principals SET name_key = lower(name);
CREATE UNIQUE INDEX principals_by_name_key ON principals (account, kind, name_key);

ALTER TABLE access_keys ADD COLUMN last_used_at BIGINT;
ALTER TABLE access_keys ADD COLUMN last_used_service {text};
ALTER TABLE access_keys ADD COLUMN last_used_region {text};

CREATE TABLE principal_tags (
    principal_id BIGINT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    tag_key      {text} NOT NULL,
    tag_value    {text} NOT NULL,
    PRIMARY KEY (principal_id, tag_key)
){rowless};

CREATE TABLE group_members (
    user_id  BIGINT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    group_id BIGINT NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    PRIMARY KEY (user_id, group_id)
){rowless};
CREATE INDEX group_members_by_group ON group_members (group_id, user_id);

CREATE TABLE inline_policies (
    principal_id BIGINT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    name         {text} NOT NULL,
    document     {text} NOT NULL,
    PRIMARY KEY (principal_id, name)
){rowless};

-- Customer managed policies. AWS's own (arn:aws:iam::aws:policy/…) are part of the program.
CREATE TABLE managed_policies (
    id              {id},
    account         {text} NOT NULL,
    name            {text} NOT NULL,
    name_key        {text} NOT NULL,
    path            {text} NOT NULL,
    unique_id       {text} NOT NULL,
    description     {text},
    default_version BIGINT NOT NULL,
    next_version    BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    UNIQUE (account, name_key)
);

CREATE TABLE managed_policy_versions (
    policy_id  BIGINT NOT NULL REFERENCES managed_policies (id) ON DELETE CASCADE,
    version    BIGINT NOT NULL,
    document   {text} NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (policy_id, version)
){rowless};

CREATE TABLE managed_policy_tags (
    policy_id BIGINT NOT NULL REFERENCES managed_policies (id) ON DELETE CASCADE,
    tag_key   {text} NOT NULL,
    tag_value {text} NOT NULL,
    PRIMARY KEY (policy_id, tag_key)
){rowless};

-- By ARN, since AWS's own policies have no row. A policy that is attached or a boundary cannot be deleted.
CREATE TABLE attached_policies (
    principal_id BIGINT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    policy_arn   {text} NOT NULL,
    attached_at  BIGINT NOT NULL,
    PRIMARY KEY (principal_id, policy_arn)
){rowless};
CREATE INDEX attached_policies_by_arn ON attached_policies (policy_arn, principal_id);
CREATE INDEX principals_by_boundary ON principals (boundary_arn) WHERE boundary_arn IS NOT NULL;

CREATE TABLE oidc_providers (
    id          {id},
    account     {text} NOT NULL,
    url         {text} NOT NULL,              -- without https://, as ARNs have it
    client_ids  {text} NOT NULL,              -- accepted audiences, one a line
    thumbprints {text} NOT NULL,              -- SHA-1 of pinned certificates, hexadecimal, one a line
    pinned_keys {text},                       -- a JSON Web Key Set; when given, nothing is fetched
    created_at  BIGINT NOT NULL,
    UNIQUE (account, url)
);

CREATE TABLE oidc_provider_tags (
    provider_id BIGINT NOT NULL REFERENCES oidc_providers (id) ON DELETE CASCADE,
    tag_key     {text} NOT NULL,
    tag_value   {text} NOT NULL,
    PRIMARY KEY (provider_id, tag_key)
){rowless};

CREATE TABLE repository_policies (
    repository_id BIGINT PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
    policy        {text} NOT NULL
){rowless};

CREATE TABLE registry_policies (
    account {text} NOT NULL,
    region  {text} NOT NULL,
    policy  {text} NOT NULL,
    PRIMARY KEY (account, region)
){rowless};

ALTER TABLE creation_templates ADD COLUMN repository_policy {text};
