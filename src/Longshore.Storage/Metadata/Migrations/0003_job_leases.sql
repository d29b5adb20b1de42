-- The few jobs that run at this moment: servers watch each other's leases.
-- Tokens and times as in 0001.

CREATE INDEX jobs_by_lease ON jobs (kind, id) WHERE lease_token IS NOT NULL;
