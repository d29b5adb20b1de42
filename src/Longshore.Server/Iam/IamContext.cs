using Longshore.Server.Access;
using Longshore.Server.Aws;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Iam;

/// <summary>Where an operation of IAM works: a session of the database, an account, and what time it is.</summary>
/// <param name="Db">The session: a snapshot for reads, a transaction for writes, which any error undoes.</param>
/// <param name="Account">The account: nothing of another one is ever seen.</param>
/// <param name="Caller">Who asks.</param>
/// <param name="Now">When.</param>
/// <param name="Seal">Seals the secret of an access key for its row.</param>
internal sealed record IamContext(DbSession Db, string Account, Principal Caller, DateTimeOffset Now, Func<RootCredentials, byte[]> Seal)
{
    /// <summary>The page that a list asks for; <paramref name="filters"/> are what the list depends on: a marker is good for the same ones only.</summary>
    public IamOutcome<IamPage> Page(string operation, string? marker, int? maxItems, params ReadOnlySpan<string?> filters)
    {
        var tokens = PageToken.For(operation, IamArns.Registry(Account), filters);
        return tokens.Read(marker).TryGet(out var after, out _)
            ? new IamPage(tokens, after ?? "", maxItems ?? IamPage.DefaultItems)
            : IamError.Validation("Invalid Marker: it must be the Marker of an earlier answer to the same request.");
    }
}

/// <summary>A page of a list.</summary>
/// <param name="Tokens">Writes the marker of the next one.</param>
/// <param name="After">The position after which it begins; empty for the first.</param>
/// <param name="Limit">Most items.</param>
internal readonly record struct IamPage(PageToken Tokens, string After, int Limit)
{
    /// <summary>Items of a page unless the caller says (the model's own default).</summary>
    public const int DefaultItems = 100;

    /// <summary>How many rows to ask for: one more tells whether there is a next page.</summary>
    public long Rows => Limit + 1;

    /// <summary>Cuts a list that was read one longer than the page; gives the marker of the next page, or null when this is the last.</summary>
    public string? Cut<T>(List<T> items, Func<T, string> position)
    {
        if (items.Count <= Limit) return null;
        items.RemoveRange(Limit, items.Count - Limit);
        return Tokens.Write(position(items[^1]));
    }
}
