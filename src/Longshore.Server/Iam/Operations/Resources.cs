using Longshore.Server.Iam.Store;

namespace Longshore.Server.Iam.Operations;

/// <summary>What the actions of IAM are about (Service Authorization Reference, "AWS Identity and Access Management").</summary>
internal static class Resources
{
    /// <summary>Everything: actions that know no narrower resource.</summary>
    public static ValueTask<string> Any<TInput>(IamContext iam, TInput input) => new("*");

    /// <summary>A user that is there; without a name, the caller's own.</summary>
    public static Func<IamContext, TInput, ValueTask<string>> User<TInput>(Func<TInput, string?> name) => (iam, input) => name(input) is { } given
        ? EntityRows.ArnAsync(iam, IamKind.User, given)
        : new ValueTask<string>(iam.Caller.Arn);

    /// <summary>A group that is there.</summary>
    public static Func<IamContext, TInput, ValueTask<string>> Group<TInput>(Func<TInput, string?> name) => (iam, input) => EntityRows.ArnAsync(iam, IamKind.Group, name(input)!);

    /// <summary>A role that is there.</summary>
    public static Func<IamContext, TInput, ValueTask<string>> Role<TInput>(Func<TInput, string?> name) => (iam, input) => EntityRows.ArnAsync(iam, IamKind.Role, name(input)!);

    /// <summary>A user, group or role to be.</summary>
    public static Func<IamContext, TInput, ValueTask<string>> New<TInput>(IamKind kind, Func<TInput, (string? Path, string? Name)> of) => (iam, input) =>
        new ValueTask<string>(IamArns.Of(kind, iam.Account, of(input).Path ?? "/", of(input).Name!));

    /// <summary>What an ARN names.</summary>
    public static Func<IamContext, TInput, ValueTask<string>> Arn<TInput>(Func<TInput, string?> arn) => (_, input) => new ValueTask<string>(arn(input)!);

    /// <summary>All of a kind below a path.</summary>
    public static Func<IamContext, TInput, ValueTask<string>> Below<TInput>(string word, Func<TInput, string?> path) => (iam, input) =>
        new ValueTask<string>($"arn:aws:iam::{iam.Account}:{word}{path(input) ?? "/"}");
}
