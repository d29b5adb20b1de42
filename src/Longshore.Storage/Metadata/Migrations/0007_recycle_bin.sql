-- The recycle bin keeps the storage class too, and is found by plan and by subject; images with very many tags have them counted.
-- Tokens and times as in 0001.

ALTER TABLE recycled_images ADD COLUMN archive_state BIGINT;   -- the row of archived_images, when there was one
ALTER TABLE recycled_images ADD COLUMN archived_at BIGINT;
ALTER TABLE recycled_images ADD COLUMN activated_at BIGINT;
CREATE INDEX recycled_images_by_plan ON recycled_images (plan_id, id) WHERE plan_id IS NOT NULL;
CREATE INDEX recycled_images_by_subject ON recycled_images (repository_id, subject, digest) WHERE subject IS NOT NULL;

-- Only images with at least TagCounts.Counted tags have a row: counting them anew at each push would be quadratic.
CREATE TABLE tag_counts (
    manifest_id BIGINT PRIMARY KEY REFERENCES manifests (id) ON DELETE CASCADE,
    tags        BIGINT NOT NULL
){rowless};
