-- What keeps images from being removed: protections, and reports of who runs what. Tokens and times as in 0001.

CREATE TABLE protections (
    account           {text} NOT NULL,
    region            {text} NOT NULL,
    id                {text} NOT NULL,        -- chosen by the client
    repository        {text} NOT NULL,        -- a name, or a pattern with '*'
    repository_prefix {text} NOT NULL,        -- what stands before its first '*'
    kind              BIGINT NOT NULL,        -- ProtectionKind: 0 whole repositories, 1 digest, 2 tag pattern
    target            {text} NOT NULL,        -- digest or tag pattern; '' for whole repositories
    target_prefix     {text} NOT NULL,        -- what stands before its first '*'
    owner             {text} NOT NULL,
    reason            {text} NOT NULL,
    created_at        BIGINT NOT NULL,
    created_by        {text} NOT NULL,        -- ARN
    updated_at        BIGINT NOT NULL,
    ends_at           BIGINT,                 -- from then on it does not count; null: it does not end
    PRIMARY KEY (account, region, id)
){rowless};
CREATE INDEX protections_by_target ON protections (account, region, repository_prefix, repository, kind, target_prefix, id);
CREATE INDEX protections_by_repository ON protections (account, region, repository, id);

CREATE TABLE usage_sources (
    id               {id},
    account          {text} NOT NULL,
    region           {text} NOT NULL,
    name             {text} NOT NULL,
    covers           {text} NOT NULL,         -- repository patterns, one a line
    ttl_seconds      BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    last_report_at   BIGINT NOT NULL,
    last_report      BIGINT NOT NULL,         -- number given last; numbers are never given twice
    current_report   BIGINT NOT NULL,         -- whose records count; 0: none
    current_records  BIGINT NOT NULL,
    pending_report   BIGINT NOT NULL,         -- being received; 0: none
    pending_records  BIGINT NOT NULL,
    removed          BIGINT NOT NULL,         -- 1 while the records of a deleted source are being deleted
    UNIQUE (account, region, name)
);

-- Records of reports that are neither current nor pending count for nothing and are deleted in batches.
CREATE TABLE usage_records (
    source_id  BIGINT NOT NULL REFERENCES usage_sources (id) ON DELETE RESTRICT,
    report     BIGINT NOT NULL,
    repository {text} NOT NULL,               -- by name: it may be deleted and come back
    digest     {text} NOT NULL,
    position   BIGINT NOT NULL,               -- in the report
    kind       {text},
    cluster    {text},
    namespace  {text},
    name       {text},
    PRIMARY KEY (source_id, report, repository, digest, position)
){rowless};
