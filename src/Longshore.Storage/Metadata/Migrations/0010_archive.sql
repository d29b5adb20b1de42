-- Archived images whose bodies are still to be moved, and bodies that lie in the archive area. Tokens and times as in 0001.

ALTER TABLE archived_images ADD COLUMN moved_at BIGINT;        -- null: the bodies are still to be looked at
CREATE INDEX archived_images_to_move ON archived_images (manifest_id) WHERE moved_at IS NULL;
CREATE INDEX blobs_in_archive ON blobs (id) WHERE substr(location, 1, 8) = 'archive/';
