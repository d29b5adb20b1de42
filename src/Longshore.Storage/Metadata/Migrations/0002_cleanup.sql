-- What clean-up stands on: jobs, the outbox of events, the audit records, the recycle bin, archived images, settings.
-- Tokens and times as in 0001.

-- Background work: one row per piece of recurring or triggered work, claimed by lease so that any number of servers may run.
CREATE TABLE jobs (
    id           {id},
    kind         {text} NOT NULL,             -- which handler: 'lifecycle', 'preview', 'collection', ...
    name         {text} NOT NULL,             -- what it is about: a repository's or plan's id, or '' for one of a kind
    due_at       BIGINT NOT NULL,             -- not before
    lease_token  {text},                      -- of the server that runs it; null when nobody does
    leased_until BIGINT,
    attempts     BIGINT NOT NULL,             -- failures in a row
    progress     {text},                      -- JSON of the handler: where to go on after an interruption
    last_error   {text},
    started_at   BIGINT,
    finished_at  BIGINT,                      -- last success
    UNIQUE (kind, name)
);
CREATE INDEX jobs_by_due ON jobs (kind, due_at);

-- The outbox: written in the transaction of the change it tells of.
CREATE TABLE events (
    id          {id},
    account     {text} NOT NULL,
    region      {text} NOT NULL,
    detail_type {text} NOT NULL,              -- EventBridge detail-type, such as 'ECR Image Action'
    resources   {text} NOT NULL,              -- ARNs, one a line
    occurred_at BIGINT NOT NULL,
    detail      {text} NOT NULL               -- EventBridge detail, a JSON object
);
CREATE INDEX events_by_time ON events (occurred_at);

-- CloudTrail-shaped records of what the service itself did.
CREATE TABLE audit_records (
    id          {id},
    account     {text} NOT NULL,
    region      {text} NOT NULL,
    event_name  {text} NOT NULL,              -- such as 'PolicyExecutionEvent'
    occurred_at BIGINT NOT NULL,
    record      {text} NOT NULL               -- the whole record, a JSON object
);
CREATE INDEX audit_records_by_registry ON audit_records (account, region, event_name, occurred_at);

-- The recycle bin: images that were removed and can still be restored. Their bodies count as referenced.
CREATE TABLE recycled_images (
    id            {id},
    repository_id BIGINT NOT NULL REFERENCES repositories (id) ON DELETE RESTRICT,
    digest        {text} NOT NULL,
    media_type    {text} NOT NULL,
    artifact_type {text},
    subject       {text},
    annotations   {text},
    size          BIGINT NOT NULL,
    image_size    BIGINT NOT NULL,
    pushed_at     BIGINT NOT NULL,
    last_pulled_at BIGINT,
    tags          {text} NOT NULL,            -- the tags it had, one a line
    children      {text} NOT NULL,            -- digests of the manifests it lists, one a line
    removed_at    BIGINT NOT NULL,
    removed_by    {text} NOT NULL,            -- ARN of the caller, or 'lifecycle'
    plan_id       {text},                     -- the plan that removed it
    expires_at    BIGINT NOT NULL,            -- from then on it may be collected
    bytes         {blob} NOT NULL,            -- the manifest; last, as in manifests
    UNIQUE (repository_id, digest)
);
CREATE INDEX recycled_images_by_expiry ON recycled_images (expires_at);

CREATE TABLE recycled_blobs (
    image_id BIGINT NOT NULL REFERENCES recycled_images (id) ON DELETE CASCADE,
    blob_id  BIGINT NOT NULL REFERENCES blobs (id) ON DELETE RESTRICT,
    PRIMARY KEY (image_id, blob_id)
){rowless};
CREATE INDEX recycled_blobs_by_blob ON recycled_blobs (blob_id);

-- Which plan let go of a body last: what the collector frees is counted on that plan's receipt.
CREATE TABLE released_blobs (
    blob_id BIGINT PRIMARY KEY REFERENCES blobs (id) ON DELETE CASCADE,
    plan_id {text} NOT NULL
){rowless};

-- Only images that were archived at some time have a row; without one an image is ACTIVE and STANDARD.
CREATE TABLE archived_images (
    manifest_id  BIGINT PRIMARY KEY REFERENCES manifests (id) ON DELETE CASCADE,
    state        BIGINT NOT NULL,             -- 0 active again, 1 archived, 2 activating
    archived_at  BIGINT NOT NULL,             -- ECR lastArchivedAt
    activated_at BIGINT                       -- ECR lastActivatedAt
){rowless};

-- Settings of one registry, by name: ECR's account settings and ours.
CREATE TABLE registry_settings (
    account    {text} NOT NULL,
    region     {text} NOT NULL,
    name       {text} NOT NULL,
    value      {text} NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account, region, name)
){rowless};
