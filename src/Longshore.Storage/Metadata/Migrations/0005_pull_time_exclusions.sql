-- Principals whose pulls do not change when an image was last pulled. At most 100 a registry.
-- Tokens and times as in 0001.

CREATE TABLE pull_time_exclusions (
    account       {text} NOT NULL,
    region        {text} NOT NULL,
    principal_arn {text} NOT NULL,
    created_at    BIGINT NOT NULL,
    PRIMARY KEY (account, region, principal_arn)
){rowless};
