using System.Text.Json.Serialization;
using Longshore.Core;
using Longshore.Server.Access;
using Longshore.Server.Hosting;

namespace Longshore.Server.Management.Accounts;

/// <summary>Makes an account.</summary>
/// <param name="Account">Twelve digits.</param>
internal sealed record CreateAccountWire(string? Account = null);

/// <summary>An account that was made, or was there.</summary>
/// <param name="Account">Twelve digits.</param>
/// <param name="Created">Whether a key was made: false for an account whose root has a usable key already.</param>
/// <param name="AccessKeyId">The key of its root; only when it was made.</param>
/// <param name="SecretAccessKey">Its secret, which is shown this once.</param>
internal sealed record AccountCreatedWire(string Account, bool Created, string? AccessKeyId = null, string? SecretAccessKey = null)
{
    /// <summary>Without the secret, so that no log can show it.</summary>
    public override string ToString() => $"{Account} {Created}";
}

/// <summary>An account.</summary>
/// <param name="Account">Twelve digits.</param>
/// <param name="CreatedAt">When it was made.</param>
internal sealed record AccountWire(string Account, DateTimeOffset CreatedAt);

/// <summary>A page of accounts.</summary>
internal sealed record AccountsWire(IReadOnlyList<AccountWire> Accounts, string? NextToken);

/// <summary>Accounts are the whole server's: only the root of the server's own account may make and list them.</summary>
internal sealed class AccountService(AccountStore accounts, ServeOptions options)
{
    /// <summary>Makes one.</summary>
    public async ValueTask<Outcome<AccountCreatedWire>> CreateAsync(ManagementCall call, CreateAccountWire input, CancellationToken cancellationToken)
    {
        if (Refusal(call) is { } refused) return refused;
        if (input.Account is not { } account || !RegistryId.IsAccount(account))
            return new RegistryError(ErrorCode.InvalidParameter, "Invalid parameter at 'account' failed to satisfy constraint: 'must be twelve digits'");
        if (!(await accounts.CreateAsync(account, cancellationToken)).TryGet(out var key, out var error)) return error;
        return new AccountCreatedWire(account, key is not null, key?.AccessKeyId, key?.SecretAccessKey);
    }

    /// <summary>Lists them.</summary>
    public async ValueTask<Outcome<AccountsWire>> ListAsync(ManagementCall call, CancellationToken cancellationToken)
    {
        if (Refusal(call) is { } refused) return refused;
        if (!call.Page().TryGet(out var page, out var error)) return error;
        var found = await accounts.ListAsync(page.After ?? "", page.Limit + 1, cancellationToken);
        var next = page.Cut(found, static account => account.Id);
        return new AccountsWire([.. found.Select(static account => new AccountWire(account.Id, account.CreatedAt))], next);
    }

    private RegistryError? Refusal(ManagementCall call) => call.Caller.Principal is { Kind: PrincipalKind.Root } root && root.Account == options.Account
        ? null
        : new RegistryError(ErrorCode.Denied, $"Accounts are the whole server's: only the root of account {options.Account} may make and list them.");
}

/// <summary>The accounts of the server.</summary>
internal static class AccountOperations
{
    private const string Path = "accounts";
    private const string Tag = "Accounts";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ManagementOperation> All { get; } =
    [
        ManagementOperation.Of<AccountService, CreateAccountWire, AccountCreatedWire>(
            new(HttpMethods.Post, Path, "CreateAccount", ManagementScope.Registry, Tag, "Makes an account and a key of its root, whose secret is shown this once."),
            AccountJson.Wire.CreateAccountWire,
            AccountJson.Wire.AccountCreatedWire,
            static (service, call, input, token) => service.CreateAsync(call, input, token)),
        ManagementOperation.Of<AccountService, AccountsWire>(
            new(HttpMethods.Get, Path, "ListAccounts", ManagementScope.Registry, Tag, "Lists the accounts of the server.") { Paged = true },
            AccountJson.Wire.AccountsWire,
            static (service, call, token) => service.ListAsync(call, token)),
    ];
}

/// <summary>Serialization of this slice.</summary>
[JsonSerializable(typeof(CreateAccountWire))]
[JsonSerializable(typeof(AccountCreatedWire))]
[JsonSerializable(typeof(AccountsWire))]
internal sealed partial class AccountJson : JsonSerializerContext
{
    /// <summary>With the options of this API.</summary>
    public static AccountJson Wire { get; } = new(ManagementJson.NewOptions());

    /// <summary>For clients.</summary>
    public static AccountJson Client { get; } = new(ManagementJson.NewClientOptions());
}
