using System.Text.RegularExpressions;
using Longshore.Server.Access;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Security;

/// <summary>Nothing is learnt from how long it takes to be refused.</summary>
public sealed partial class ComparisonTests
{
    // Comparisons that stop early, of what no caller can aim at: each with its reason.
    private static readonly string[] Harmless =
    [
        // A region and an account of a host name.
        "RegistryResolver.cs: if (!region.SequenceEqual(caller.Registry.Region))",
        "RegistryResolver.cs: account.SequenceEqual(likely.Account) && region.SequenceEqual(likely.Region) ? likely : new RegistryId(account.ToString(), region.ToString());",
        // The token with its own second spelling.
        "RegistryTokens.cs: return token.AsSpan().SequenceEqual(Base64Url.EncodeToString(bytes));",
        // The operator's own key, at start.
        "PrincipalStore.cs: if (!stored.Disabled && TryUnseal(offered.AccessKeyId, stored.SealedSecret, out var secret) && secret == offered.SecretAccessKey)",
        // Thumbprints of certificates, which are public.
        "OidcProviders.cs: public bool HasSameTrust(OidcProvider other) => Url == other.Url && PinnedKeys == other.PinnedKeys && Thumbprints.SequenceEqual(other.Thumbprints);",
    ];

    [Fact]
    public void Secrets_signatures_and_authenticators_are_compared_in_constant_time()
    {
        var early = from folder in (string[])["Access", "Sts"]
                    from file in Directory.EnumerateFiles(Path.Combine(RepositoryRoot.Path, "src/Longshore.Server", folder), "*.cs", SearchOption.AllDirectories)
                    from line in File.ReadLines(file)
                    where EarlyEnd().IsMatch(line) && !line.TrimStart().StartsWith("//", StringComparison.Ordinal)
                    select $"{Path.GetFileName(file)}: {line.Trim()}";
        var unknown = early.Except(Harmless).ToList();
        Assert.True(unknown.Count == 0, string.Join('\n', unknown));
    }

    [Theory]
    [InlineData("", "", true)]
    [InlineData("a", "a", true)]
    [InlineData("a", "b", false)]
    [InlineData("a", "ab", false)]
    [InlineData("ä", "a", false)]
    public void Credentials_in_memory_are_found_by_all_of_their_characters(string one, string other, bool same)
    {
        Assert.Equal(same, SecretComparer.Instance.Equals(one, other));
        if (same) Assert.Equal(SecretComparer.Instance.GetHashCode(one), SecretComparer.Instance.GetHashCode(other));
    }

    [GeneratedRegex(@"SequenceEqual\(|\b\w*(secret|signature|password|mac)\w*\s*(==|!=)\s*(?!null)|(==|!=)\s*(?!AuthenticationError)[\w.]*(secret|signature|password|mac)\w*\b(?!\.)", RegexOptions.IgnoreCase)]
    private static partial Regex EarlyEnd();
}
