namespace Longshore.Core.Policies;

/// <summary>How much a remark on access weighs.</summary>
public enum RemarkSeverity
{
    /// <summary>Worth a look.</summary>
    Low,

    /// <summary>More than most need.</summary>
    Medium,

    /// <summary>Anybody, or everything.</summary>
    High,
}

/// <summary>Something in a policy that gives more than it should.</summary>
/// <param name="Code">For programs and exceptions.</param>
/// <param name="Severity">How much it weighs.</param>
/// <param name="Statement">Which statement.</param>
/// <param name="Message">What it gives, in a sentence.</param>
/// <param name="Fix">What to write instead.</param>
public sealed record PolicyRemark(string Code, RemarkSeverity Severity, string Statement, string Message, string Fix);

/// <summary>Finds grants that are too wide. Pure: about the document alone, not about who has it.</summary>
public static class PolicyReview
{
    private static readonly string[] WritingActions =
    [
        "ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:BatchDeleteImage", "ecr:DeleteRepository", "ecr:SetRepositoryPolicy", "ecr:PutLifecyclePolicy", "ecr:CreateRepository",
    ];

    /// <summary>The remarks on a document.</summary>
    /// <param name="document">The document.</param>
    /// <param name="kind">What it is attached as.</param>
    /// <param name="owner">The account that it belongs to.</param>
    public static IEnumerable<PolicyRemark> Check(PolicyDocument document, PolicyKind kind, string owner)
    {
        ArgumentNullException.ThrowIfNull(document);
        foreach (var statement in document.Statements)
        {
            if (statement.Effect != PolicyEffect.Allow) continue;
            foreach (var remark in kind == PolicyKind.Trust ? OfTrust(statement) : kind.NamesPrincipals() ? OfResource(statement, owner) : OfIdentity(statement))
                yield return remark with { Statement = statement.Label };
        }
    }

    private static IEnumerable<PolicyRemark> OfIdentity(PolicyStatement statement)
    {
        var anything = statement.IsNotResource || statement.ResourceTexts.Contains("*");
        if (statement.IsNotAction)
        {
            yield return new("not-action", RemarkSeverity.High, "", $"allows every action but {List(statement.ActionTexts)}, those of the future among them", "List the actions that are needed in Action.");
        }
        else if (WildcardActions(statement) is { Count: > 0 } wide)
        {
            yield return new(
                "wildcard-actions",
                anything ? RemarkSeverity.High : RemarkSeverity.Medium,
                "",
                $"allows {List(wide)} on {(anything ? "everything" : List(statement.ResourceTexts))}",
                "List the actions that are needed; attach AmazonEC2ContainerRegistryPullOnly or …PowerUser where they fit.");
        }
        else if (anything && !statement.IsConditional && Writing(statement) is { Count: > 0 } writing)
        {
            yield return new(
                "unconditional-write",
                RemarkSeverity.Medium,
                "",
                $"allows {List(writing)} on every repository without a condition",
                "Name the repositories in Resource, or add a condition such as aws:ResourceTag/team or aws:SourceIp.");
        }
    }

    private static IEnumerable<PolicyRemark> OfResource(PolicyStatement statement, string owner)
    {
        var everybody = statement.NamesEveryone || statement.Principals is { IsNegated: true };
        var writing = Writing(statement);
        if (everybody && !statement.IsConditional)
        {
            yield return new(
                "wildcard-principal",
                RemarkSeverity.High,
                "",
                $"lets principals of every account {(writing.Count > 0 ? "change" : "read")} this: {List(statement.ActionTexts)}",
                "Name accounts or roles in Principal, or add a condition such as aws:PrincipalAccount or aws:SourceIp.");
            yield break;
        }

        if (WildcardActions(statement) is { Count: > 0 } wide)
            yield return new("wildcard-actions", RemarkSeverity.Medium, "", $"allows {List(wide)}", "List the actions that are needed.");
        var foreign = (statement.Principals?.Accounts ?? []).Where(account => account != owner).ToList();
        if (foreign.Count > 0 && writing.Count > 0 && !statement.IsConditional)
        {
            yield return new(
                "unconditional-write",
                RemarkSeverity.Medium,
                "",
                $"lets all of account {List(foreign)} do {List(writing)} without a condition",
                "Name the roles that push instead of the account, or add a condition.");
        }
    }

    private static IEnumerable<PolicyRemark> OfTrust(PolicyStatement statement)
    {
        if (statement.NamesEveryone && !statement.IsConditional)
            yield return new("wildcard-principal", RemarkSeverity.High, "", "lets principals of every account assume the role", "Name accounts, users or roles in Principal.");
        if (!statement.Actions.MatchesAction("sts:AssumeRoleWithWebIdentity") || statement.Principals is not { NamesProviders: true }) yield break;
        if (!statement.Conditions.Any(static c => c.Key.EndsWith(":sub", StringComparison.OrdinalIgnoreCase) && !c.Operator.Negated && !c.IfExists))
        {
            yield return new(
                "any-subject",
                RemarkSeverity.High,
                "",
                "lets every token of the identity provider assume the role, whoever it was made for",
                "Add a condition on the subject, such as StringLike token.actions.githubusercontent.com:sub repo:ORG/REPOSITORY:*.");
        }
    }

    private static List<string> WildcardActions(PolicyStatement statement) => statement.IsNotAction
        ? []
        : [.. statement.ActionTexts.Where(static action => action == "*" || action.EndsWith(":*", StringComparison.Ordinal))];

    private static List<string> Writing(PolicyStatement statement) => [.. WritingActions.Where(statement.IsAbout)];

    private static string List(IReadOnlyCollection<string> items) => items.Count <= 4 ? string.Join(", ", items) : $"{string.Join(", ", items.Take(3))} and {items.Count - 3} more";
}
