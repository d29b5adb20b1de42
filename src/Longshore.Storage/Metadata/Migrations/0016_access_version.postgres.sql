-- Several servers share a database of PostgreSQL: each change of what decides about access is counted, in the transaction of the
-- change, and every request begins with a look at the count. Not counted: when keys and roles were last used.

CREATE TABLE access_version (version BIGINT NOT NULL);
INSERT INTO access_version (version) VALUES (1);

CREATE FUNCTION count_access_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE access_version SET version = version + 1;
    RETURN NULL;
END
$$;

CREATE TRIGGER count_access_change AFTER INSERT OR DELETE OR UPDATE OF id, account, kind, name, unique_id, disabled_at, name_key, path, trust_policy,
    max_session_seconds, boundary_arn, sessions_valid_from ON principals FOR EACH STATEMENT EXECUTE FUNCTION count_access_change();
CREATE TRIGGER count_access_change AFTER INSERT OR DELETE OR UPDATE OF access_key_id, principal_id, sealed_secret, disabled_at
    ON access_keys FOR EACH STATEMENT EXECUTE FUNCTION count_access_change();
CREATE TRIGGER count_access_change AFTER INSERT OR UPDATE OR DELETE ON principal_tags FOR EACH STATEMENT EXECUTE FUNCTION count_access_change();
CREATE TRIGGER count_access_change AFTER INSERT OR UPDATE OR DELETE ON group_members FOR EACH STATEMENT EXECUTE FUNCTION count_access_change();
CREATE TRIGGER count_access_change AFTER INSERT OR UPDATE OR DELETE ON inline_policies FOR EACH STATEMENT EXECUTE FUNCTION count_access_change();
CREATE TRIGGER count_access_change AFTER INSERT OR UPDATE OR DELETE ON managed_policies FOR EACH STATEMENT EXECUTE FUNCTION count_access_change();
CREATE TRIGGER count_access_change AFTER INSERT OR UPDATE OR DELETE ON managed_policy_versions FOR EACH STATEMENT EXECUTE FUNCTION count_access_change();
CREATE TRIGGER count_access_change AFTER INSERT OR UPDATE OR DELETE ON attached_policies FOR EACH STATEMENT EXECUTE FUNCTION count_access_change();
CREATE TRIGGER count_access_change AFTER INSERT OR UPDATE OR DELETE ON oidc_providers FOR EACH STATEMENT EXECUTE FUNCTION count_access_change();
CREATE TRIGGER count_access_change AFTER INSERT OR UPDATE OR DELETE ON repository_policies FOR EACH STATEMENT EXECUTE FUNCTION count_access_change();
CREATE TRIGGER count_access_change AFTER INSERT OR UPDATE OR DELETE ON registry_policies FOR EACH STATEMENT EXECUTE FUNCTION count_access_change();
CREATE TRIGGER count_access_change AFTER INSERT OR UPDATE OR DELETE ON registry_settings FOR EACH STATEMENT EXECUTE FUNCTION count_access_change();
CREATE TRIGGER count_access_change AFTER INSERT OR UPDATE OR DELETE ON resource_tags FOR EACH STATEMENT EXECUTE FUNCTION count_access_change();
-- A repository that goes and comes back under its name has another policy.
CREATE TRIGGER count_access_change AFTER DELETE ON repositories FOR EACH STATEMENT EXECUTE FUNCTION count_access_change();
