using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Longshore.Server.Commands.Clients;
using Longshore.Server.Management.Accounts;

namespace Longshore.Server.Commands.Accounts;

/// <summary><c>longshore account</c>: the accounts of a running server.</summary>
internal sealed class AccountCommand : Command
{
    /// <summary>Creates the command.</summary>
    public AccountCommand(TextWriter output, TextWriter error)
        : base("account", "Make and list the accounts of a running Longshore server.")
    {
        Add(new CreateAccountCommand(output, error));
        Add(new ListAccountsCommand(output, error));
    }
}

/// <summary><c>longshore account create</c>: makes an account; prints the key of its root, in the form of a shared credentials file.</summary>
internal sealed class CreateAccountCommand : ClientCommand
{
    private readonly Argument<string> account = new("account") { Description = "The account: twelve digits." };

    /// <summary>Creates the command.</summary>
    public CreateAccountCommand(TextWriter output, TextWriter error)
        : base("create", "Make an account; its root's key is printed this once.", output, error) => Add(account);

    /// <inheritdoc/>
    protected override async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        using var client = Connect(parsed);
        var body = JsonSerializer.SerializeToUtf8Bytes(new CreateAccountWire(parsed.GetValue(account)), AccountJson.Client.CreateAccountWire);
        var made = await client.CallAsync(HttpMethod.Post, "accounts", body, AccountJson.Client.AccountCreatedWire, cancellationToken);
        if (IsJson(parsed))
        {
            await Output.WriteLineAsync(JsonSerializer.Serialize(made, AccountJson.Client.AccountCreatedWire));
        }
        else if (made.Created)
        {
            await Output.WriteLineAsync($"[{made.Account}]\naws_access_key_id = {made.AccessKeyId}\naws_secret_access_key = {made.SecretAccessKey}");
        }
        else
        {
            await Error.WriteLineAsync($"Account {made.Account} is there already, and its root has a key.");
        }

        return ClientExitCodes.Fine;
    }
}

/// <summary><c>longshore account list</c>.</summary>
internal sealed class ListAccountsCommand : ClientCommand
{
    /// <summary>Creates the command.</summary>
    public ListAccountsCommand(TextWriter output, TextWriter error)
        : base("list", "List the accounts.", output, error)
    {
    }

    /// <inheritdoc/>
    protected override async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        using var client = Connect(parsed);
        var accounts = new List<AccountWire>();
        for (string? token = null; ;)
        {
            var page = await client.CallAsync(
                HttpMethod.Get,
                "accounts?maxResults=1000" + (token is null ? "" : "&nextToken=" + Uri.EscapeDataString(token)),
                null,
                AccountJson.Client.AccountsWire,
                cancellationToken);
            accounts.AddRange(page.Accounts);
            if ((token = page.NextToken) is null) break;
        }

        if (IsJson(parsed))
        {
            await Output.WriteLineAsync(JsonSerializer.Serialize(new AccountsWire(accounts, null), AccountJson.Client.AccountsWire));
            return ClientExitCodes.Fine;
        }

        var table = Screen.Table("account", "made");
        foreach (var account in accounts) table.Row(account.Account, account.CreatedAt.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture));
        Screen.Over(Output).Write(table);
        return ClientExitCodes.Fine;
    }
}
