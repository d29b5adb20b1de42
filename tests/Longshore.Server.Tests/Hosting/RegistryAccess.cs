using System.Text;
using Longshore.Core;
using Longshore.Server.Access;
using Longshore.Storage.Metadata;
using Longshore.TestSupport.Databases;
using Longshore.TestSupport.Processes;
using Microsoft.Extensions.DependencyInjection;

namespace Longshore.Server.Tests.Hosting;

/// <summary>A registry token for a data directory on which no server runs yet, made by the server's own services.</summary>
internal static class RegistryAccess
{
    public static readonly LongshoreOptions Defaults = new() { Arguments = ["--create-on-push", "--shutdown-timeout", "20"] };

    /// <summary>The value of an Authorization header that may do everything.</summary>
    public static async Task<string> AuthorizeAsync(string dataDirectory, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(dataDirectory);
        await using var database = TestDatabases.Open(dataDirectory);
        await using var services = new ServiceCollection()
            .AddLogging().AddSingleton(TimeProvider.System).AddSingleton<IDatabase>(database).AddAccess(new KeyFile(Path.Combine(dataDirectory, KeyFile.Name))).BuildServiceProvider();
        var root = RootCredentials.Parse(Defaults.AccessKeyId, Defaults.SecretAccessKey).Value;
        var principals = services.GetRequiredService<PrincipalStore>();
        await principals.EnsureRootAsync("123456789012", root, cancellationToken);
        var key = await principals.FindKeyAsync(root.AccessKeyId, cancellationToken);
        var registry = new RegistryId("123456789012", "us-east-1");
        var token = services.GetRequiredService<RegistryTokens>().Issue(new Caller(key!.Principal, registry, key), registry);
        return "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("AWS:" + token.Value));
    }
}
