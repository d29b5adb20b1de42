using System.Security.Cryptography;

namespace Longshore.Server.Content.Stores;

/// <summary>What the mark of a store says. Stored format: docs/stored-formats.md, "Marks of stores".</summary>
/// <param name="Id">The store's id: 32 hexadecimal digits at random.</param>
/// <param name="IsNew">Whether no database was found to name it yet: the first start has put it there and has not come further.</param>
internal readonly record struct StoreMark(string Id, bool IsNew)
{
    private const string Head = "longshore-store 1";
    private const string New = "new";
    private const string Taken = "taken";

    /// <summary>A new one.</summary>
    public static StoreMark Make() => new(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)), IsNew: true);

    /// <summary>Understands a mark; null when it is none.</summary>
    public static StoreMark? TryParse(string text) => text.Split('\n') switch
    {
        [Head, { Length: 32 } id, New or Taken, ""] lines when id.All(char.IsAsciiHexDigitLower) => new StoreMark(id, lines[2] == New),
        _ => null,
    };

    /// <summary>The mark as it is stored.</summary>
    public override string ToString() => $"{Head}\n{Id}\n{(IsNew ? New : Taken)}\n";
}
