using System.Globalization;
using Longshore.Core;
using Longshore.Server.Access;
using Longshore.Server.Aws;

namespace Longshore.Server.Management;

/// <summary>A call that the gate has allowed, its parameters checked as they are declared.</summary>
internal sealed class ManagementCall
{
    private readonly ManagementDeclaration declaration;
    private readonly Dictionary<string, string> values;

    /// <summary>Creates a call.</summary>
    public ManagementCall(ManagementDeclaration declaration, Caller caller, RegistryId registry, RepositoryName? repository, Dictionary<string, string> values, DateTimeOffset now)
    {
        (this.declaration, this.values) = (declaration, values);
        (Caller, Registry, Repository, Now) = (caller, registry, repository, now);
    }

    /// <summary>Who calls.</summary>
    public Caller Caller { get; }

    /// <summary>The registry asked.</summary>
    public RegistryId Registry { get; }

    /// <summary>The repository of the query; null when none was named.</summary>
    public RepositoryName? Repository { get; }

    /// <summary>The repository, for operations whose scope is one.</summary>
    public RepositoryName Name => Repository ?? throw new InvalidOperationException($"{declaration.Verb} does not declare the scope of a repository.");

    /// <summary>When the request came.</summary>
    public DateTimeOffset Now { get; }

    /// <summary>The value of a parameter; null when it was not given.</summary>
    public string? Text(string name) => values.GetValueOrDefault(name);

    /// <summary>The value of a required parameter, such as a segment of the path.</summary>
    public string Given(string name) => values[name];

    /// <summary>A number; null when it was not given.</summary>
    public long? Integer(string name) => values.TryGetValue(name, out var text) ? long.Parse(text, CultureInfo.InvariantCulture) : null;

    /// <summary>A flag; false when it was not given.</summary>
    public bool Flag(string name) => values.GetValueOrDefault(name) == "true";

    /// <summary>
    /// The page asked for. <paramref name="filters"/> are the parameters that the list depends on besides registry and repository: a token is good
    /// for the same ones only. InvalidParameter.
    /// </summary>
    public Outcome<ManagementPage> Page(params ReadOnlySpan<string?> filters)
    {
        if (!declaration.Paged) throw new InvalidOperationException($"{declaration.Verb} does not declare that it is paged.");
        var tokens = PageToken.For(declaration.Verb, Registry, [Repository?.Value, .. filters]);
        return tokens.Read(Text("nextToken")).TryGet(out var after, out var error)
            ? new ManagementPage(tokens, after, (int)(Integer("maxResults") ?? ManagementDeclaration.DefaultResults))
            : error;
    }
}

/// <summary>A page of a list.</summary>
/// <param name="Tokens">Writes the token of the next one.</param>
/// <param name="After">The position after which it begins; null for the first.</param>
/// <param name="Limit">Most results.</param>
internal readonly record struct ManagementPage(PageToken Tokens, string? After, int Limit)
{
    /// <summary>Cuts a list that was read one longer than the page; gives the token of the next page, or null when this is the last.</summary>
    public string? Cut<T>(List<T> items, Func<T, string> position)
    {
        if (items.Count <= Limit) return null;
        items.RemoveRange(Limit, items.Count - Limit);
        return Tokens.Write(position(items[^1]));
    }
}
