-- The registry: repositories, bodies, images, tags, uploads, principals.
-- One text for SQLite and PostgreSQL. {id} is a generated 64-bit key, {blob} bytes, {text} text compared byte by byte;
-- {rowless} ends a table that lives in its primary key. Times are microseconds since 1970 UTC. Released migrations never change.

CREATE TABLE settings (
    name        {text} PRIMARY KEY,
    value       {blob} NOT NULL
){rowless};

CREATE TABLE principals (
    id          {id},
    account     {text} NOT NULL,
    kind        {text} NOT NULL,              -- 'root'; 'user' and 'role' come with IAM
    name        {text} NOT NULL,
    unique_id   {text} NOT NULL,              -- AIDA…, AROA…, or the account for root
    created_at  BIGINT NOT NULL,
    disabled_at BIGINT,
    UNIQUE (account, kind, name)
);

CREATE TABLE access_keys (
    access_key_id {text} PRIMARY KEY,
    principal_id  BIGINT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    sealed_secret {blob} NOT NULL,            -- sealed by the server key: SigV4 needs the secret itself
    created_at    BIGINT NOT NULL,
    disabled_at   BIGINT
){rowless};
CREATE INDEX access_keys_by_principal ON access_keys (principal_id);

CREATE TABLE repositories (
    id                 {id},
    account            {text} NOT NULL,
    region             {text} NOT NULL,
    name               {text} NOT NULL,
    created_at         BIGINT NOT NULL,
    tag_mutability     {text} NOT NULL,       -- as in ECR's ImageTagMutability
    mutability_filters {text} NOT NULL,       -- wildcard filters, one a line; empty when the mode takes none
    scan_on_push       BIGINT NOT NULL,
    UNIQUE (account, region, name)
);

CREATE TABLE resource_tags (
    repository_id BIGINT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    tag_key       {text} NOT NULL,
    tag_value     {text} NOT NULL,
    PRIMARY KEY (repository_id, tag_key)
){rowless};

-- One row per stored body, global. A deleted body's digest may come back with the next generation.
CREATE TABLE blobs (
    id         {id},
    digest     {text} NOT NULL UNIQUE,
    generation BIGINT NOT NULL,
    size       BIGINT NOT NULL,
    location   {text} NOT NULL,
    state      BIGINT NOT NULL,               -- BlobState: 0 live, 1 condemned, 2 damaged (quarantined)
    stored_at  BIGINT NOT NULL
);

-- Who may see a body. Without the row the blob does not exist for that repository.
CREATE TABLE repository_blobs (
    repository_id BIGINT NOT NULL REFERENCES repositories (id) ON DELETE RESTRICT,
    blob_id       BIGINT NOT NULL REFERENCES blobs (id) ON DELETE RESTRICT,
    linked_at     BIGINT NOT NULL,
    PRIMARY KEY (repository_id, blob_id)
){rowless};
CREATE INDEX repository_blobs_by_blob ON repository_blobs (blob_id);

-- A body that no manifest names yet is kept until its lease ends.
CREATE TABLE blob_leases (
    blob_id    BIGINT PRIMARY KEY REFERENCES blobs (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL
){rowless};

CREATE TABLE manifests (
    id             {id},
    repository_id  BIGINT NOT NULL REFERENCES repositories (id) ON DELETE RESTRICT,
    digest         {text} NOT NULL,
    media_type     {text} NOT NULL,
    artifact_type  {text},                    -- artifactType, else the config's media type (OCI image manifest 1.1)
    subject        {text},                    -- digest of the subject, which need not exist
    annotations    {text},                    -- JSON object, for referrers lists
    size           BIGINT NOT NULL,           -- bytes of the manifest itself
    image_size     BIGINT NOT NULL,           -- ECR imageSizeInBytes
    pushed_at      BIGINT NOT NULL,
    last_pulled_at BIGINT,
    bytes          {blob} NOT NULL,           -- last: lists never read its overflow pages
    UNIQUE (repository_id, digest)
);
CREATE INDEX manifests_by_subject ON manifests (repository_id, subject, digest) WHERE subject IS NOT NULL;

-- repository_id repeats the manifest's: "does an image of this repository name this body" must not walk all repositories
-- that share a base layer.
CREATE TABLE manifest_blobs (
    manifest_id   BIGINT NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
    blob_id       BIGINT NOT NULL REFERENCES blobs (id) ON DELETE RESTRICT,
    repository_id BIGINT NOT NULL,
    PRIMARY KEY (manifest_id, blob_id)
){rowless};
CREATE INDEX manifest_blobs_by_blob ON manifest_blobs (blob_id, repository_id);

CREATE TABLE manifest_children (
    manifest_id BIGINT NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
    child_id    BIGINT NOT NULL REFERENCES manifests (id) ON DELETE RESTRICT,
    PRIMARY KEY (manifest_id, child_id)
){rowless};
CREATE INDEX manifest_children_by_child ON manifest_children (child_id);

CREATE TABLE tags (
    repository_id BIGINT NOT NULL REFERENCES repositories (id) ON DELETE RESTRICT,
    name          {text} NOT NULL,
    manifest_id   BIGINT NOT NULL REFERENCES manifests (id) ON DELETE RESTRICT,
    updated_at    BIGINT NOT NULL,
    PRIMARY KEY (repository_id, name)
){rowless};
CREATE INDEX tags_by_manifest ON tags (manifest_id, name);

CREATE TABLE uploads (
    id             {text} PRIMARY KEY,
    repository_id  BIGINT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    received       BIGINT NOT NULL,           -- bytes taken so far, all of them in the body
    version        BIGINT NOT NULL,           -- counts up at each change: compare-and-set with received
    part_state     BIGINT NOT NULL,           -- ECR: 1 after a part under 5 MiB, 2 once another part followed such a one
    started_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL
){rowless};
CREATE INDEX uploads_by_expiry ON uploads (expires_at);
CREATE INDEX uploads_by_repository ON uploads (repository_id);
