namespace Longshore.Server.Management.Access;

/// <summary>Explaining and reviewing who may do what.</summary>
internal static class AccessOperations
{
    private const string Tag = "Access";
    /// <summary>Days without use that are told unless the caller says.</summary>
    public const int DefaultUnusedDays = 90;

    private static readonly ManagementParameter Principal =
        ManagementParameter.Query("principal", "The root, user, role or assumed role, by its ARN; a role stands for a session of it.", required: true) with { MaxLength = 2048 };

    private static readonly ManagementParameter Action = ManagementParameter.Query("action", "The IAM action, such as ecr:PutImage.", required: true) with { MaxLength = 128 };

    private static readonly ManagementParameter Context = ManagementParameter.Query(
        "context", "Condition keys of the request that is asked about: KEY=VALUE, several separated by semicolons, such as aws:SourceIp=10.0.0.1;aws:SecureTransport=true.") with
    { MaxLength = 4096 };

    private static readonly ManagementParameter UnusedDays =
        new("unusedDays", ParameterKind.Integer, $"How many days a key or role must not have been used to be told; {DefaultUnusedDays} unless given.") { Minimum = 1, Maximum = 3650 };

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ManagementOperation> All { get; } =
    [
        ManagementOperation.Of<AccessQuestions, AccessExplanationWire>(
            new(HttpMethods.Get, "access/explain", "ExplainAccess", ManagementScope.RepositoryOrRegistry, Tag, "Says whether somebody may do something, and why.")
            {
                Details = "Asks the gate's own evaluator about the policies in force: the decision, the statement and where it stands; for a denial the smallest statements that would allow it.",
                Parameters = [Principal, Action, Context],
            },
            AccessJson.Wire.AccessExplanationWire,
            static (questions, call, token) => questions.ExplainAsync(call, token)),
        ManagementOperation.Of<AccessQuestions, AccessFindingsWire>(
            new(HttpMethods.Get, "access/check", "CheckAccess", ManagementScope.Registry, Tag, "Lists grants that are too wide, and keys and roles that nobody uses.")
            {
                Details = "Looks through the identity policies, keys, roles and trust policies of the account and the policies of the registry and its repositories. "
                    + "Pages are of rows looked at: one may be empty and still have a next one.",
                Parameters = [UnusedDays, ManagementParameter.Query("nextToken", "The nextToken of the page before.")],
            },
            AccessJson.Wire.AccessFindingsWire,
            static (questions, call, token) => questions.CheckAsync(call, token)),
    ];
}
