-- Repository creation templates: what a repository gets that a push creates.
-- Tokens and times as in 0001.

CREATE TABLE creation_templates (
    account            {text} NOT NULL,
    region             {text} NOT NULL,
    prefix             {text} NOT NULL,       -- without the slash that is implied at its end; 'ROOT' for the catch-all
    description        {text},
    applied_for        {text} NOT NULL,       -- as in ECR's RCTAppliedFor, one a line
    tag_mutability     {text} NOT NULL,       -- this and the next as in repositories
    mutability_filters {text} NOT NULL,
    resource_tags      {text} NOT NULL,       -- JSON object
    lifecycle_policy   {text},
    custom_role_arn    {text},
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL,
    PRIMARY KEY (account, region, prefix)
){rowless};
