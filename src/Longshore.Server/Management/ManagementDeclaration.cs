namespace Longshore.Server.Management;

/// <summary>What the gate is asked about.</summary>
internal enum ManagementScope
{
    /// <summary>The registry as a whole: resource <c>*</c>.</summary>
    Registry,

    /// <summary>The repository that the query parameter <c>repository</c> names; it must be given.</summary>
    Repository,

    /// <summary>The repository of the query, and the registry as a whole when none is named.</summary>
    RepositoryOrRegistry,
}

/// <summary>What an operation of <c>/longshore/v1</c> says of itself: to the gate, to the router, and to readers of the OpenAPI document.</summary>
/// <param name="Method">The HTTP method.</param>
/// <param name="Path">Below <c>/longshore/v1/</c>, with <c>{parameters}</c> as whole segments.</param>
/// <param name="Verb">The operation's name and its IAM action's, such as <c>PutProtection</c>.</param>
/// <param name="Scope">The action's resource.</param>
/// <param name="Tag">The heading it stands under.</param>
/// <param name="Summary">One line.</param>
internal sealed record ManagementDeclaration(string Method, string Path, string Verb, ManagementScope Scope, string Tag, string Summary)
{
    /// <summary>What every IAM action of this API begins with.</summary>
    public const string ActionPrefix = "longshore:";

    /// <summary>Bound of bodies unless an operation says another, in bytes.</summary>
    public const int SmallBody = 1024 * 1024;

    /// <summary>Results of a page unless the caller says, and at the most.</summary>
    public const int DefaultResults = 100;

    /// <inheritdoc cref="DefaultResults"/>
    public const int MostResults = 1000;

    private static readonly ManagementParameter[] PagingParameters =
    [
        new("maxResults", ParameterKind.Integer, $"Most results of a page; {DefaultResults} unless given.") { Minimum = 1, Maximum = MostResults },
        ManagementParameter.Query("nextToken", "The nextToken of the page before; the other parameters must be the same, maxResults may change."),
    ];

    private static readonly ManagementParameter RegistryParameter =
        ManagementParameter.Query("registryId", "The account of the registry; the caller's own unless given. Its region is that of the signature or token.");

    /// <summary>The rest of the description, in Markdown; empty when the summary says it all.</summary>
    public string Details { get; init; } = "";

    /// <summary>Its own parameters, those of the path included.</summary>
    public IReadOnlyList<ManagementParameter> Parameters { get; init; } = [];

    /// <summary>Whether it answers by pages.</summary>
    public bool Paged { get; init; }

    /// <summary>Bound of the body, in bytes.</summary>
    public int MaxBody { get; init; } = SmallBody;

    /// <summary>The IAM action, where AWS has one for the same; null: <c>longshore:</c> and the verb.</summary>
    public string? ActionName { get; init; }

    /// <summary>The IAM action.</summary>
    public string Action => ActionName ?? ActionPrefix + Verb;

    /// <summary>The operation's id in the OpenAPI document: the verb with a small first letter.</summary>
    public string OperationId => char.ToLowerInvariant(Verb[0]) + Verb[1..];

    /// <summary>Every parameter: its own, that of the repository, those of paging, and the registry's.</summary>
    public IEnumerable<ManagementParameter> AllParameters()
    {
        foreach (var parameter in Parameters) yield return parameter;
        if (Scope != ManagementScope.Registry)
            yield return ManagementParameter.Query("repository", "The repository, such as team/app.", Scope == ManagementScope.Repository) with { MaxLength = Core.RepositoryName.MaxLength };
        if (Paged)
            foreach (var parameter in PagingParameters) yield return parameter;
        yield return RegistryParameter;
    }

    /// <summary>What is wrong with the declaration; null when nothing is. Asked when the operation is made: a wrong one does not start.</summary>
    public string? Fault()
    {
        if (Verb.Length == 0 || !Verb.All(char.IsAsciiLetterOrDigit) || !char.IsAsciiLetterUpper(Verb[0])) return "the verb is no name of an IAM action";
        if (Summary.Length == 0 || Tag.Length == 0) return "summary and tag must be given";
        var inPath = Path.Split('/').Where(segment => segment.StartsWith('{')).Select(segment => segment.Trim('{', '}')).Order(StringComparer.Ordinal);
        if (!inPath.SequenceEqual(Parameters.Where(p => p.InPath).Select(p => p.Name).Order(StringComparer.Ordinal))) return "the path's parameters are not those declared";
        var names = AllParameters().Select(p => p.Name).ToList();
        return names.Distinct(StringComparer.Ordinal).Count() == names.Count ? null : "a parameter is declared twice";
    }
}
