using System.Text;
using BenchmarkDotNet.Attributes;
using Longshore.Core;
using Longshore.Server.Access;
using Longshore.Storage.Metadata;
using Microsoft.AspNetCore.Http;

namespace Longshore.Benchmarks;

/// <summary>
/// The gate on a manifest GET by a user with 50 policies of 10 statements each. Required: under 15 microseconds. Every statement is about
/// the action and about another repository, so that each must be looked at; the last one allows.
/// </summary>
[MemoryDiagnoser]
public class AccessBenchmarks
{
    private static readonly RegistryId Registry = new("123456789012", "us-east-1");
    private static readonly RepositoryName Name = RepositoryName.TryParse("team/app", out var name) ? name : throw new InvalidOperationException();
    private string directory = null!;
    private SqliteDatabase database = null!;
    private AccessGate gate = null!;
    private DefaultHttpContext http = null!;
    private Caller caller = null!;
    private Caller root = null!;

    /// <summary>Whether the statements have conditions and variables too.</summary>
    [Params(false, true)]
    public bool Conditional { get; set; }

    [GlobalSetup]
    public void Make()
    {
        directory = Directory.CreateTempSubdirectory("longshore-bench-").FullName;
        database = SqliteDatabase.Open(Path.Combine(directory, "longshore.db"));
        database.WriteAsync(Durability.Relaxed, FillAsync, CancellationToken.None).AsTask().GetAwaiter().GetResult();
        var version = new AccessVersion();
        gate = new AccessGate(new PrincipalPolicies(database, version), new ResourcePolicies(database, version), new NoTrail(), TimeProvider.System);
        http = new DefaultHttpContext();
        http.Connection.RemoteIpAddress = System.Net.IPAddress.Parse("10.1.2.3");
        caller = new Caller(new Principal(PrincipalKind.User, Registry.Account, $"arn:aws:iam::{Registry.Account}:user/ci", "AIDAEXAMPLE") { Id = 7, Name = "ci" }, Registry);
        root = new Caller(new Principal(PrincipalKind.Root, Registry.Account, $"arn:aws:iam::{Registry.Account}:root", Registry.Account) { Id = 1, Name = "root" }, Registry);
        if (Check().AsTask().GetAwaiter().GetResult() is not null) throw new InvalidOperationException("The last statement allows.");
    }

    [GlobalCleanup]
    public void End()
    {
        database.DisposeAsync().AsTask().GetAwaiter().GetResult();
        Directory.Delete(directory, recursive: true);
    }

    /// <summary>500 statements.</summary>
    [Benchmark]
    public ValueTask<RegistryError?> Check() => gate.CheckAsync(new AccessRequest(http, caller, "ecr:BatchGetImage", Registry, Name), CancellationToken.None);

    /// <summary>The root of the account, without policies in the way.</summary>
    [Benchmark]
    public ValueTask<RegistryError?> CheckRoot() => gate.CheckAsync(new AccessRequest(http, root, "ecr:BatchGetImage", Registry, Name), CancellationToken.None);

    private async ValueTask<bool> FillAsync(DbSession session)
    {
        await session.ExecuteAsync("INSERT INTO principals (id, account, kind, name, name_key, unique_id, created_at) VALUES (7, @account, 'user', 'ci', 'ci', 'AIDAEXAMPLE', 0)", ("@account", Registry.Account));
        await session.ExecuteAsync(
            "INSERT INTO repositories (account, region, name, created_at, tag_mutability, mutability_filters, scan_on_push) VALUES (@account, @region, @name, 0, 'MUTABLE', '', 0)",
            ("@account", Registry.Account), ("@region", Registry.Region), ("@name", Name.Value));
        for (var policy = 0; policy < 50; policy++)
        {
            var text = new StringBuilder("{\"Version\":\"2012-10-17\",\"Statement\":[");
            for (var statement = 0; statement < 10; statement++)
            {
                var last = policy == 49 && statement == 9;
                var repository = last ? "team/*" : $"team-{policy}-{statement}/*";
                var resource = Conditional ? $"arn:aws:ecr:*:{Registry.Account}:repository/{repository}" : $"arn:aws:ecr:us-east-1:{Registry.Account}:repository/{repository}";
                var condition = Conditional ? ",\"Condition\":{\"IpAddress\":{\"aws:SourceIp\":\"10.0.0.0/8\"},\"StringLike\":{\"aws:PrincipalArn\":\"*:user/*\"}}" : "";
                text.Append(statement > 0 ? "," : "").Append($"{{\"Effect\":\"Allow\",\"Action\":[\"ecr:BatchGetImage\",\"ecr:Get*\"],\"Resource\":\"{resource}\"{condition}}}");
            }

            await session.ExecuteAsync(
                "INSERT INTO inline_policies (principal_id, name, document) VALUES (7, @name, @document)", ("@name", $"policy-{policy:00}"), ("@document", text.Append("]}").ToString()));
        }

        return true;
    }

    private sealed class NoTrail : ICallTrail
    {
        public ValueTask<RegistryError?> AdmitAsync(CallRecord record, HttpContext context, CancellationToken cancellationToken) => new((RegistryError?)null);
    }
}
