-- Several servers may go on with one upload. A request marks the row while it writes; the next one that finds the mark, whose writer died or stands
-- still and may yet wake up, takes the bytes over under another key, where the former one cannot reach them.

ALTER TABLE uploads ADD COLUMN writing BIGINT NOT NULL DEFAULT 0;  -- 1 while a request writes to the body
ALTER TABLE uploads ADD COLUMN body BIGINT NOT NULL DEFAULT 0;     -- which key the bytes have: 0: the id; else the id, '-' and this number
