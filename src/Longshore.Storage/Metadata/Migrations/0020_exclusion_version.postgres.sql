-- Whose pulls do not count is seen by all servers at once, like what decides about access.

CREATE TRIGGER count_access_change AFTER INSERT OR UPDATE OR DELETE ON pull_time_exclusions FOR EACH STATEMENT EXECUTE FUNCTION count_access_change();
