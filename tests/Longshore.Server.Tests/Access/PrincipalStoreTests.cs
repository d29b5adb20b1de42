using Longshore.Core;
using Longshore.Server.Access;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Tests.Access;

public sealed class PrincipalStoreTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static RootCredentials Given(string secret = "a-secret-of-the-operator") => RootCredentials.Parse("OPERATORSKEY0001", secret).Value;

    private static async Task<RootSetup> Ensure(AccessFixture access, RootCredentials? given) =>
        (await access.Get<PrincipalStore>().EnsureRootAsync(AccessFixture.Account, given, Cancellation)).Value;

    private static async Task<AccessKey?> Find(AccessFixture access, string id) => await access.Get<PrincipalStore>().FindKeyAsync(id, Cancellation);

    [Fact]
    public async Task First_start_generates_a_root_key_of_AWS_form_that_is_found_again()
    {
        await using var access = await AccessFixture.StartAsync();
        Assert.Matches(@"\AAKIA[A-Z2-7]{16}\z", access.Root.AccessKeyId);
        Assert.Matches(@"\A[A-Za-z0-9+/]{40}\z", access.Root.SecretAccessKey);
        var key = await Find(access, access.Root.AccessKeyId);
        Assert.Equal(access.Root.SecretAccessKey, key!.Secret);
        Assert.Equal(new Principal(PrincipalKind.Root, AccessFixture.Account, "arn:aws:iam::123456789012:root", AccessFixture.Account) { Id = key.PrincipalId, Name = "root" }, key.Principal);
        Assert.DoesNotContain(access.Root.SecretAccessKey, key.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Later_start_finds_the_key_and_makes_none()
    {
        await using var access = await AccessFixture.StartAsync();
        Assert.Equal(new RootSetup(RootKeyChange.None, null), await Ensure(access, null));
        await using var again = await AccessFixture.StartAsync(access.Directory);
        Assert.Null(again.Root);
        Assert.Equal(access.Root.SecretAccessKey, (await Find(again, access.Root.AccessKeyId))!.Secret);
    }

    [Fact]
    public async Task Given_key_is_added_kept_and_updated_and_the_old_one_stays()
    {
        await using var access = await AccessFixture.StartAsync();
        Assert.Equal(RootKeyChange.Added, (await Ensure(access, Given())).Change);
        Assert.Equal(RootKeyChange.None, (await Ensure(access, Given())).Change);
        Assert.Equal(Given().SecretAccessKey, (await Find(access, "OPERATORSKEY0001"))!.Secret);
        Assert.Equal(RootKeyChange.Updated, (await Ensure(access, Given("another-secret-of-theirs"))).Change);
        Assert.Equal("another-secret-of-theirs", (await Find(access, "OPERATORSKEY0001"))!.Secret);
        Assert.NotNull(await Find(access, access.Root.AccessKeyId));
    }

    [Fact]
    public async Task Given_key_that_was_disabled_is_enabled_again()
    {
        await using var access = await AccessFixture.StartAsync();
        await Ensure(access, Given());
        Assert.True(await access.Get<PrincipalStore>().DisableKeyAsync("OPERATORSKEY0001", Cancellation));
        Assert.False(await access.Get<PrincipalStore>().DisableKeyAsync("OPERATORSKEY0001", Cancellation));
        Assert.Null(await Find(access, "OPERATORSKEY0001"));
        Assert.Equal(RootKeyChange.Updated, (await Ensure(access, Given())).Change);
        Assert.NotNull(await Find(access, "OPERATORSKEY0001"));
    }

    [Fact]
    public async Task Root_without_a_usable_key_is_given_a_new_one()
    {
        await using var access = await AccessFixture.StartAsync();
        await access.Get<PrincipalStore>().DisableKeyAsync(access.Root.AccessKeyId, Cancellation);
        var setup = await Ensure(access, null);
        Assert.Equal(RootKeyChange.Generated, setup.Change);
        Assert.NotNull(await Find(access, setup.Credentials!.AccessKeyId));
    }

    [Fact]
    public async Task Given_key_of_another_account_is_refused()
    {
        await using var access = await AccessFixture.StartAsync();
        await Ensure(access, Given());
        var outcome = await access.Get<PrincipalStore>().EnsureRootAsync("999999999999", Given(), Cancellation);
        Assert.Equal(ErrorCode.InvalidParameter, outcome.Error!.Code);
        Assert.Equal(AccessFixture.Account, (await Find(access, "OPERATORSKEY0001"))!.Principal.Account);
    }

    [Fact]
    public async Task Disabled_principal_loses_all_its_keys()
    {
        await using var access = await AccessFixture.StartAsync();
        await Ensure(access, Given());
        var key = (await Find(access, "OPERATORSKEY0001"))!;
        Assert.True(await access.Get<PrincipalStore>().DisablePrincipalAsync(key, Cancellation));
        Assert.Null(await Find(access, "OPERATORSKEY0001"));
        Assert.Null(await Find(access, access.Root.AccessKeyId));
    }

    [Fact]
    public async Task Secrets_are_sealed_at_rest_and_bound_to_their_row()
    {
        await using var access = await AccessFixture.StartAsync();
        await Ensure(access, Given());
        var stored = await access.Database.ReadAsync(
            s => s.QueryAsync("SELECT sealed_secret FROM access_keys", r => System.Text.Encoding.Latin1.GetString(r.GetBytes(0))), Cancellation);
        Assert.DoesNotContain(stored, s => s.Contains(Given().SecretAccessKey, StringComparison.Ordinal));
        await access.Database.WriteAsync(
            Durability.Synced,
            s => s.ExecuteAsync(
                "UPDATE access_keys SET sealed_secret = (SELECT sealed_secret FROM access_keys WHERE access_key_id = 'OPERATORSKEY0001') WHERE access_key_id = @id",
                ("@id", access.Root.AccessKeyId)),
            Cancellation);
        Assert.Null(await Find(access, access.Root.AccessKeyId));
        Assert.Contains("2003 ", access.Log.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rotated_server_key_opens_what_the_old_one_sealed_also_after_a_restart()
    {
        await using var access = await AccessFixture.StartAsync();
        var keys = access.Get<ServerKeys>();
        Assert.Equal(1u, keys.CurrentId);
        await keys.RotateAsync(Cancellation);
        Assert.Equal(2u, keys.CurrentId);
        Assert.NotNull(await Find(access, access.Root.AccessKeyId));
        await using var again = await AccessFixture.StartAsync(access.Directory);
        Assert.Equal(2u, again.Get<ServerKeys>().CurrentId);
        Assert.NotNull(await Find(again, access.Root.AccessKeyId));
    }

    [Fact]
    public async Task Starts_at_the_same_time_agree_on_the_server_key_and_the_root_key()
    {
        await using var access = await AccessFixture.StartAsync();
        var setups = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => Ensure(access, null))));
        Assert.All(setups, setup => Assert.Equal(RootKeyChange.None, setup.Change));
        Assert.Equal(1, await access.Database.ReadAsync(s => s.QueryFirstAsync("SELECT COUNT(*) FROM settings WHERE name LIKE 'access.%'", r => r.GetInt64(0)), Cancellation));
    }

    [Fact]
    public async Task Nothing_secret_is_logged()
    {
        await using var access = await AccessFixture.StartAsync();
        await Ensure(access, Given());
        var token = access.Get<RegistryTokens>().Issue(await access.SignInAsync(), AccessFixture.Home);
        await access.AuthenticateRegistryAsync("Bearer " + token.Value + "x");
        await access.AuthenticateRegistryAsync("Bearer " + token.Value);
        await access.AuthenticateAwsAsync((access.Signer with { Secret = "wrong-secret-of-someone" }).Sign("POST", [""], [], [], [], access.Clock.GetUtcNow()));
        Assert.Contains("2004 Signed request refused: InvalidSignature", access.Log.Text, StringComparison.Ordinal);
        Assert.Contains("2005 ", access.Log.Text, StringComparison.Ordinal);
        foreach (var secret in new[] { access.Root.SecretAccessKey, Given().SecretAccessKey, token.Value, "wrong-secret-of-someone" })
            Assert.DoesNotContain(secret, access.Log.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, "a-secret-of-the-operator")]
    [InlineData("SHORT", "a-secret-of-the-operator")]
    [InlineData("OPERATORS-KEY-0001", "a-secret-of-the-operator")]
    [InlineData("OPERATORSKEY0001", null)]
    [InlineData("OPERATORSKEY0001", "short")]
    [InlineData("OPERATORSKEY0001", "a secret of the operator")]
    [InlineData("OPERATORSKEY0001", "a-secret-of-the-öperator")]
    public void Ill_formed_root_key_is_refused_without_repeating_it(string? id, string? secret)
    {
        var error = RootCredentials.Parse(id, secret).Error;
        Assert.Equal(ErrorCode.InvalidParameter, error!.Code);
        if (secret is not null) Assert.DoesNotContain(secret, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Generated_key_that_cannot_be_kept_is_not_stored()
    {
        await using var access = await AccessFixture.StartAsync();
        var store = access.Get<PrincipalStore>();
        await Assert.ThrowsAsync<IOException>(async () => await store.EnsureRootAsync("999999999999", null, (_, _) => throw new IOException("full"), Cancellation));
        Assert.Equal(RootKeyChange.Generated, (await store.EnsureRootAsync("999999999999", null, Cancellation)).Value.Change);
    }

    [Fact]
    public async Task Credentials_file_is_for_its_owner_alone_and_replaces_the_old_one()
    {
        var directory = Directory.CreateTempSubdirectory("longshore-credentials-").FullName;
        try
        {
            var path = Path.Combine(directory, CredentialsFile.Name);
            await CredentialsFile.WriteAsync(path, RootCredentials.Generate(), Cancellation);
            await CredentialsFile.WriteAsync(path, Given(), Cancellation);
            Assert.Equal("[default]\naws_access_key_id = OPERATORSKEY0001\naws_secret_access_key = a-secret-of-the-operator\n", await File.ReadAllTextAsync(path, Cancellation));
            if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
            Assert.Equal([path], Directory.GetFiles(directory));
        }
        finally
        {
            Directory.Delete(directory, true);
        }
    }
}
