-- Lifecycle policies and plans. Tokens and times as in 0001.

CREATE TABLE lifecycle_policies (
    repository_id     BIGINT PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
    policy_id         {text} NOT NULL,        -- a UUID; another one with each put
    version           BIGINT NOT NULL,        -- counts the puts
    policy_text       {text} NOT NULL,
    updated_at        BIGINT NOT NULL,
    last_evaluated_at BIGINT
){rowless};

-- What a policy does to the images of a repository: previews, plans made by hand, daily runs. Also the receipt. No foreign key:
-- the receipt outlives its repository, whose id is never given again.
CREATE TABLE plans (
    id              {text} PRIMARY KEY,
    repository_id   BIGINT NOT NULL,
    account         {text} NOT NULL,
    region          {text} NOT NULL,
    repository      {text} NOT NULL,
    kind            {text} NOT NULL,          -- 'preview', 'manual' or 'run'; 'replaced': a preview that a newer one took the place of
    status          {text} NOT NULL,          -- PlanStatus
    policy_text     {text} NOT NULL,
    created_by      {text} NOT NULL,
    created_at      BIGINT NOT NULL,
    planned_at      BIGINT,                   -- the moment of the snapshot, to which ages were counted
    finished_at     BIGINT,                   -- planning; with applied_at: applying
    applied_by      {text},
    applied_at      BIGINT,
    error           {text},
    images          BIGINT NOT NULL,          -- in the repository
    expiring        BIGINT NOT NULL,          -- that the plan removes
    transitioning   BIGINT NOT NULL,          -- that the plan archives
    vetoed          BIGINT NOT NULL,          -- that a protection, a running workload or a silent source keeps
    logical_bytes   BIGINT NOT NULL,
    physical_bytes  BIGINT NOT NULL,
    done            BIGINT NOT NULL,          -- images removed or archived when it was applied
    not_done        BIGINT NOT NULL,          -- images kept then, as they had changed
    done_bytes      BIGINT NOT NULL,          -- physical bytes of the images that were removed, as planned
    held_until      BIGINT,                   -- the recycle bin holds them until then
    freed_bytes     BIGINT NOT NULL           -- that collection gave back to the disk so far
){rowless};
CREATE INDEX plans_by_repository ON plans (repository_id, created_at, id);
CREATE INDEX plans_by_registry ON plans (account, region, created_at, id);
CREATE UNIQUE INDEX plans_preview ON plans (repository_id) WHERE kind = 'preview';
CREATE INDEX plans_by_age ON plans (kind, created_at);

CREATE TABLE plan_images (
    plan_id        {text} NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
    position       BIGINT NOT NULL,           -- from 0, the oldest push first
    manifest_id    BIGINT NOT NULL,
    digest         {text} NOT NULL,
    tags           {text} NOT NULL,           -- one a line
    pushed_at      BIGINT NOT NULL,
    last_pulled_at BIGINT,
    image_size     BIGINT NOT NULL,
    storage_class  BIGINT NOT NULL,           -- StorageClass: 0 standard, 1 archive
    action         BIGINT,                    -- LifecycleAction: 0 expire, 1 transition; null: kept
    rule_priority  BIGINT,
    reason         {text} NOT NULL,           -- LifecycleReason or RetentionKind
    why            {text} NOT NULL,
    logical_bytes  BIGINT NOT NULL,
    physical_bytes BIGINT NOT NULL,
    outcome        {text},                    -- once applied: 'done', or why not
    PRIMARY KEY (plan_id, position)
){rowless};
CREATE INDEX plan_images_acting ON plan_images (plan_id, position) WHERE action IS NOT NULL;
CREATE INDEX plan_images_by_digest ON plan_images (plan_id, digest);
