using Longshore.Server.Content;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Architecture;

/// <summary>The arrows of ARCHITECTURE.md: faces call capabilities, capabilities call Content, Content calls Storage; never back, never sideways.</summary>
public sealed class LayeringTests
{
    private static readonly string[] Faces = ["Oci", "Ecr", "EcrPublic", "Sts", "Iam", "Aws", "Management"];

    /// <summary>What each folder of the server must not name.</summary>
    public static TheoryData<string, string[]> Forbidden => new()
    {
        { "Oci", ["Ecr", "EcrPublic", "Sts", "Aws", "Management", "Commands", "Verification"] },
        { "Ecr", ["Oci", "EcrPublic", "Sts", "Management", "Commands", "Verification"] },
        { "EcrPublic", ["Oci", "Ecr", "Sts", "Management", "Commands", "Verification"] },
        { "Sts", ["Oci", "Ecr", "EcrPublic", "Management", "Commands", "Verification", "Content"] },
        { "Iam", ["Oci", "Ecr", "EcrPublic", "Sts", "Management", "Commands", "Verification", "Content"] },
        // What the faces share of HTTP bodies and page tokens lives in Aws.
        { "Management", ["Oci", "Ecr", "EcrPublic", "Sts", "Commands", "Verification"] },
        { "Content", [.. Faces, "Trail", "Access", "Hosting", "RegistrySettings", "Protection", "Commands", "Verification"] },
        { "Access", [.. Faces, "Trail", "Content", "Commands", "Verification"] },
        { "Hosting.Jobs", [.. Faces, "Access", "Content", "Commands", "Verification", "Hosting"] },
        { "Protection", [.. Faces, "Access", "Hosting", "RegistrySettings", "Commands", "Verification"] },
        { "RegistrySettings", [.. Faces, "Hosting", "Commands", "Verification"] },
        { "Trail", [.. Faces, "Protection", "RegistrySettings", "Commands", "Verification"] },
        { "Verification", [.. Faces, "Access", "Hosting", "Commands"] },
        { "Backups", [.. Faces, "Hosting", "Protection", "RegistrySettings", "Commands"] },
    };

    [Theory]
    [MemberData(nameof(Forbidden))]
    public void Calls_go_one_way(string folder, string[] forbidden)
    {
        var server = typeof(BlobUploads).Assembly;
        var from = server.GetTypes().Where(type => Folder(type) == folder).ToList();
        Assert.NotEmpty(from);
        var broken = from
            .SelectMany(type => TypeReferences.Of(type).Select(used => (type, used)))
            .Where(pair => pair.used.Assembly == server && forbidden.Contains(Folder(pair.used)))
            .Select(pair => $"{pair.type.FullName} names {pair.used.FullName}")
            .Distinct()
            .ToList();
        Assert.Empty(broken);
    }

    [Fact]
    public void Core_references_nothing_but_dotnet() =>
        Assert.DoesNotContain(typeof(Core.Digest).Assembly.GetReferencedAssemblies(), name => !name.Name!.StartsWith("System.", StringComparison.Ordinal));

    [Fact]
    public void Storage_knows_no_http() =>
        Assert.DoesNotContain(
            typeof(Storage.Metadata.IDatabase).Assembly.GetReferencedAssemblies(),
            name => name.Name!.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal) || name.Name == "System.Net.Http");

    [Fact]
    public void Only_content_writes_images_and_bodies()
    {
        // SQL that changes these tables outside Content would be a second writer. Verification marks damaged bodies, and says so.
        var writers = Directory.EnumerateFiles(Path.Combine(RepositoryRoot.Path, "src", "Longshore.Server"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal))
            .Where(file => !file.Contains("/Content/", StringComparison.Ordinal) && !file.Contains("/Verification/", StringComparison.Ordinal))
            .Where(file => System.Text.RegularExpressions.Regex.IsMatch(
                File.ReadAllText(file),
                @"\b(INSERT INTO|UPDATE|DELETE FROM)\s+(repositories|blobs|repository_blobs|loose_bodies|manifests|manifest_blobs|manifest_children|tags|tag_counts|recycled_images|recycled_blobs|events|audit_records|uploads)\b"))
            .ToList();
        Assert.Empty(writers);
    }

    [Fact]
    public void Every_route_below_longshore_is_a_declared_operation()
    {
        // One route leads to the endpoint, which knows the table alone: nothing else may be mapped there.
        var mapped = Directory.EnumerateFiles(Path.Combine(RepositoryRoot.Path, "src", "Longshore.Server"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal))
            .SelectMany(file => System.Text.RegularExpressions.Regex.Matches(File.ReadAllText(file), @"\.Map[A-Za-z]*\(\s*""/longshore[^""]*""").Select(match => (file, match.Value)))
            .ToList();
        Assert.Equal("ManagementSetup.cs", Path.GetFileName(Assert.Single(mapped).file));
    }

    // Jobs are a floor of their own below Hosting: every capability may have some.
    private static string Folder(Type type) => type.Namespace switch
    {
        "Longshore.Server.Hosting.Jobs" => "Hosting.Jobs",
        { } name when name.StartsWith("Longshore.Server.", StringComparison.Ordinal) => name.Split('.')[2],
        _ => "",
    };
}
