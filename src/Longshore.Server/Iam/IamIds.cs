using System.Security.Cryptography;

namespace Longshore.Server.Iam;

/// <summary>Unique ids in AWS's form: a prefix that tells the kind, and 17 characters of base 32, which are never used again.</summary>
internal static class IamIds
{
    /// <summary>How ids of managed policies begin.</summary>
    public const string PolicyPrefix = "ANPA";

    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    /// <summary>A new id.</summary>
    public static string New(string prefix) => prefix + RandomNumberGenerator.GetString(Alphabet, 17);
}
