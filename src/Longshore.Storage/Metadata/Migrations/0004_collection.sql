-- Online collection. A link that no image backs has a lease (set by push and mount, and when an image that names it goes);
-- the collector looks at links whose lease is over. Tokens and times as in 0001.

ALTER TABLE repository_blobs ADD COLUMN leased_until BIGINT;   -- null: an image of the repository names the body
UPDATE repository_blobs SET leased_until = COALESCE((SELECT e.expires_at FROM blob_leases e WHERE e.blob_id = repository_blobs.blob_id), linked_at)
WHERE NOT EXISTS (SELECT 1 FROM manifest_blobs mb WHERE mb.blob_id = repository_blobs.blob_id AND mb.repository_id = repository_blobs.repository_id);
CREATE INDEX repository_blobs_by_lease ON repository_blobs (leased_until, repository_id, blob_id) WHERE leased_until IS NOT NULL;
DROP TABLE blob_leases;

ALTER TABLE blobs ADD COLUMN condemned_at BIGINT;              -- since when nothing references the body; null unless state is 1
CREATE INDEX blobs_condemned ON blobs (condemned_at, id) WHERE state = 1;

-- Bodies that no row of blobs names. The scrub notes what it finds, and doomed ones may never get a row again: they are being
-- unlinked. A collected body is noted in the transaction that deletes its row, so that a kill before the unlink leaves no orphan.
CREATE TABLE loose_bodies (
    location  {text} PRIMARY KEY,
    digest    {text} NOT NULL,
    size      BIGINT NOT NULL,
    seen_at   BIGINT NOT NULL,                -- by the scrub; 0 for a collected body
    doomed_at BIGINT
){rowless};
CREATE INDEX loose_bodies_by_time ON loose_bodies (seen_at);
