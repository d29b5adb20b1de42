using System.Net;
using Longshore.Server.Management;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Management;

[Collection(ManagementCollection.Name)]
public sealed class OpenApiTests(ManagementFixture api)
{
    /// <summary>Set to 1, the test writes the document instead of comparing it.</summary>
    private const string UpdateVariable = "LONGSHORE_UPDATE_GOLDEN";

    private static string Golden => Path.Combine(RepositoryRoot.Path, "docs", "openapi.json");

    [Fact]
    public async Task The_document_in_docs_is_the_one_that_is_served()
    {
        using var request = api.Request(HttpMethod.Get, "openapi.json", null, out _);
        var served = await api.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, served.Status);
        if (Environment.GetEnvironmentVariable(UpdateVariable) == "1") await File.WriteAllTextAsync(Golden, served.Text + "\n", ManagementFixture.Token);
        Assert.True(
            await File.ReadAllTextAsync(Golden, ManagementFixture.Token) == served.Text + "\n",
            $"docs/openapi.json is not what the server tells. Run this test once with {UpdateVariable}=1 and look at the difference.");
    }

    [Fact]
    public void Every_operation_tells_what_the_gate_and_the_reader_need()
    {
        Assert.All(ManagementOperationTable.All, operation =>
        {
            Assert.Null(operation.Declaration.Fault());
            Assert.True(operation.Declaration.Action == "cloudtrail:LookupEvents" || operation.Declaration.Action.StartsWith("longshore:", StringComparison.Ordinal), operation.Declaration.Action);
            Assert.EndsWith(".", operation.Declaration.Summary, StringComparison.Ordinal);
            Assert.All(operation.Declaration.AllParameters(), parameter => Assert.EndsWith(".", parameter.Description, StringComparison.Ordinal));
        });
        var verbs = ManagementOperationTable.All.Select(o => o.Declaration.Verb).ToList();
        Assert.Equal(verbs.Distinct().Count(), verbs.Count);
        // Body types stand in the document by their names.
        var types = ManagementOperationTable.All.SelectMany(o => new[] { o.Input?.Type, o.Output?.Type }).OfType<Type>().Distinct().ToList();
        Assert.Equal(types.Select(t => t.Name).Distinct().Count(), types.Count);
    }

    [Fact]
    public void A_declaration_that_does_not_hold_makes_no_operation()
    {
        static ManagementDeclaration Declare(string path, params ManagementParameter[] parameters) =>
            new(HttpMethod.Get.Method, path, "GetThing", ManagementScope.Registry, "Things", "Tells a thing.") { Parameters = parameters };
        Assert.Null(Declare("things/{id}", ManagementParameter.Segment("id", "Which.")).Fault());
        Assert.NotNull(Declare("things/{id}").Fault());
        Assert.NotNull(Declare("things", ManagementParameter.Segment("id", "Which.")).Fault());
        Assert.NotNull(Declare("things", ManagementParameter.Query("registryId", "Twice.")).Fault());
        Assert.NotNull((Declare("things") with { Verb = "getThing" }).Fault());
        Assert.NotNull((Declare("things") with { Summary = "" }).Fault());
        Assert.Throws<ArgumentException>(() => ManagementOperation.Of<object>(Declare("things/{id}"), static (_, _, _) => new(Core.Done.Value)));
    }
}
