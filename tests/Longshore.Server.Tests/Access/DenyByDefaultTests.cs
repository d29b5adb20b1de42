using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Longshore.Core.Aws.Ecr;
using Longshore.Core.Aws.EcrPublic;
using Longshore.Core.Oci;
using Longshore.Server.Management;
using Longshore.Server.Oci;
using Longshore.Server.Tests.Iam;
using Longshore.TestSupport.Aws;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Longshore.Server.Tests.Access;

/// <summary>Whoever has no policy may do nothing, by no operation of any face: the tables of the faces are walked, so that a new operation is asked too.</summary>
public sealed class DenyByDefaultTests(IamFixture iam) : IClassFixture<IamFixture>
{
    private const string LoginOnly = """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:GetAuthorizationToken","Resource":"*"}}""";
    private const string Digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    // What operations need beside a repository, to pass the checks of their model.
    private static readonly Dictionary<string, string> Inputs = new()
    {
        ["BatchCheckLayerAvailability"] = $$"""{"layerDigests":["{{Digest}}"]}""",
        ["BatchDeleteImage"] = """{"imageIds":[{"imageTag":"a"}]}""",
        ["BatchGetImage"] = """{"imageIds":[{"imageTag":"a"}]}""",
        ["BatchGetRepositoryScanningConfiguration"] = """{"repositoryNames":["private/app"]}""",
        ["CompleteLayerUpload"] = $$"""{"uploadId":"6d1a4a5e-0f6e-4a6e-9d0e-0a0a0a0a0a0a","layerDigests":["{{Digest}}"]}""",
        ["CreateRepositoryCreationTemplate"] = """{"prefix":"private","appliedFor":["CREATE_ON_PUSH"]}""",
        ["DeleteRepositoryCreationTemplate"] = """{"prefix":"private"}""",
        ["DeregisterPullTimeUpdateExclusion"] = """{"principalArn":"arn:aws:iam::123456789012:role/x"}""",
        ["GetAccountSetting"] = """{"name":"BLOB_MOUNTING"}""",
        ["GetDownloadUrlForLayer"] = $$"""{"layerDigest":"{{Digest}}"}""",
        ["ListImageReferrers"] = $$"""{"subjectId":{"imageDigest":"{{Digest}}"} }""",
        ["ListTagsForResource"] = """{"resourceArn":"arn:aws:ecr:us-east-1:123456789012:repository/private/app"}""",
        ["PutAccountSetting"] = """{"name":"BLOB_MOUNTING","value":"DISABLED"}""",
        ["PutImage"] = """{"imageManifest":"{}"}""",
        ["PutImageScanningConfiguration"] = """{"imageScanningConfiguration":{"scanOnPush":true}}""",
        ["PutImageTagMutability"] = """{"imageTagMutability":"IMMUTABLE"}""",
        ["PutLifecyclePolicy"] = """{"lifecyclePolicyText":"{\"rules\":[{\"rulePriority\":1,\"selection\":{\"tagStatus\":\"any\",\"countType\":\"imageCountMoreThan\",\"countNumber\":1},\"action\":{\"type\":\"expire\"}}]}"}""",
        ["PutRegistryPolicy"] = """{"policyText":"{}"}""",
        ["RegisterPullTimeUpdateExclusion"] = """{"principalArn":"arn:aws:iam::123456789012:role/x"}""",
        ["SetRepositoryPolicy"] = """{"policyText":"{}"}""",
        ["TagResource"] = """{"resourceArn":"arn:aws:ecr:us-east-1:123456789012:repository/private/app","tags":[{"Key":"a","Value":"b"}]}""",
        ["UntagResource"] = """{"resourceArn":"arn:aws:ecr:us-east-1:123456789012:repository/private/app","tagKeys":["a"]}""",
        ["UpdateImageStorageClass"] = """{"imageId":{"imageTag":"a"},"targetStorageClass":"ARCHIVE"}""",
        ["UpdateRepositoryCreationTemplate"] = """{"prefix":"private"}""",
        ["UploadLayerPart"] = """{"uploadId":"6d1a4a5e-0f6e-4a6e-9d0e-0a0a0a0a0a0a","partFirstByte":0,"partLastByte":0,"layerPartBlob":"AA=="}""",
    };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task No_operation_of_ECR_is_open_to_a_user_without_policies()
    {
        var (name, key) = await iam.NewUserWithKeyAsync();
        using var client = new EcrClient(iam.Server.BaseAddress, key.Id, key.Secret);
        var open = new List<string>();
        foreach (var operation in EcrOperations.All.Values)
        {
            var input = JsonNode.Parse(Inputs.GetValueOrDefault(operation.Name, "{}"))!.AsObject();
            var takesName = operation.InputType.GetProperty("RepositoryName") is not null;
            if (takesName) input["repositoryName"] = "private/app";
            using var answer = await client.CallAsync(operation.Name, input.ToJsonString(), Token);
            var told = answer.Root.TryGetProperty("message", out var message) ? message.GetString() : "";
            if (answer.ErrorType?.EndsWith("AccessDeniedException", StringComparison.Ordinal) != true
                || !told!.StartsWith($"User: arn:aws:iam::123456789012:user/{name} is not authorized to perform: ecr:{operation.Name} on resource: ", StringComparison.Ordinal))
                open.Add($"{operation.Name}: {answer.Text}");
        }

        Assert.Empty(open);
    }

    [Fact]
    public async Task No_operation_of_ECR_Public_is_open_to_a_user_without_policies()
    {
        var (_, key) = await iam.NewUserWithKeyAsync();
        using var http = new HttpClient();
        var open = new List<string>();
        foreach (var operation in EcrPublicOperations.All.Values)
        {
            var body = "{}"u8.ToArray();
            using var request = new HttpRequestMessage(HttpMethod.Post, iam.Server.BaseAddress) { Content = new ByteArrayContent(body) };
            request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/x-amz-json-1.1");
            request.Headers.TryAddWithoutValidation("X-Amz-Target", $"{EcrPublicOperations.TargetPrefix}.{operation.Name}");
            new AwsSigner(key.Id, key.Secret, "us-east-1", "ecr-public", TimeProvider.System).Sign(request, body);
            using var response = await http.SendAsync(request, Token);
            var text = await response.Content.ReadAsStringAsync(Token);
            if (!text.Contains("AccessDeniedException", StringComparison.Ordinal)) open.Add($"{operation.Name}: {text}");
        }

        Assert.Empty(open);
    }

    [Fact]
    public async Task No_route_of_the_registry_is_open_to_a_login_without_more()
    {
        var (_, key) = await iam.NewUserWithKeyAsync(LoginOnly);
        using var ecr = new EcrClient(iam.Server.BaseAddress, key.Id, key.Secret);
        var (user, password) = await ecr.GetLoginAsync(Token);
        using var http = new HttpClient();
        var open = new List<string>();
        foreach (var operation in OciOperations.All)
        {
            var path = operation.Route switch
            {
                RegistryRoute.Base => "/v2/",
                RegistryRoute.Catalog => "/v2/_catalog",
                RegistryRoute.TagsList => "/v2/private/app/tags/list",
                RegistryRoute.Referrers => $"/v2/private/app/referrers/{Digest}",
                RegistryRoute.Manifest => "/v2/private/app/manifests/latest",
                RegistryRoute.Blob => $"/v2/private/app/blobs/{Digest}",
                RegistryRoute.UploadStart => "/v2/private/app/blobs/uploads/",
                RegistryRoute.Upload => "/v2/private/app/blobs/uploads/6d1a4a5e-0f6e-4a6e-9d0e-0a0a0a0a0a0a",
                var route => throw new InvalidOperationException($"{route} is new: say its path here."),
            };
            using var request = new HttpRequestMessage(new HttpMethod(operation.Method), new Uri(iam.Server.BaseAddress, path));
            request.Headers.TryAddWithoutValidation("Authorization", "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}")));
            using var response = await http.SendAsync(request, Token);
            var body = await response.Content.ReadAsStringAsync(Token);
            if (operation.Route == RegistryRoute.Base) Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            else if (response.StatusCode != HttpStatusCode.Forbidden || (operation.Method == "HEAD" ? body.Length > 0 : !body.Contains("\"DENIED\"", StringComparison.Ordinal)))
                open.Add($"{operation.Method} {path}: {(int)response.StatusCode} {body}");
        }

        Assert.Empty(open);
    }

    [Fact]
    public async Task No_operation_of_longshores_own_API_is_open_to_a_user_without_policies()
    {
        var (_, key) = await iam.NewUserWithKeyAsync();
        var open = new List<string>();
        foreach (var operation in ManagementOperationTable.All)
        {
            var declaration = operation.Declaration;
            var path = string.Join('/', declaration.Path.Split('/').Select(static segment => segment.StartsWith('{') ? "x" : segment));
            var query = declaration.AllParameters().Where(static p => p is { InPath: false, Required: true }).Select(static p => $"{p.Name}={(p.Kind == ParameterKind.Integer ? p.Minimum : p.Kind == ParameterKind.Flag ? "true" : "private")}");
            var (status, json) = await iam.ManageAsync(new HttpMethod(declaration.Method), $"{path}?{string.Join('&', query)}", null, key);
            if (status != HttpStatusCode.Forbidden || json.GetProperty("code").GetString() != "Denied") open.Add($"{declaration.Verb}: {(int)status} {json}");
        }

        Assert.Empty(open);
    }

    [Fact]
    public async Task Every_endpoint_is_a_face_whose_tables_were_walked_or_is_named_here_with_its_reason()
    {
        // The first three are walked above. Probes tell nothing of any registry; a layer's address carries its own signature, given out by the gate.
        string[] known = ["/v2/{**path}", "/", "/longshore/{**path}", "/healthz", "/readyz", Longshore.Server.Ecr.LayerDownloads.Route];
        using var directory = new Longshore.TestSupport.Processes.TemporaryDirectory("routes");
        var builder = Microsoft.AspNetCore.Builder.WebApplication.CreateSlimBuilder();
        Longshore.Server.Hosting.ServerComposition.AddLongshore(
            builder.Services, new Longshore.Server.Hosting.ServeOptionsReader().Read(key => key == "data" ? [directory.Path] : null, static _ => null, null));
        await using var app = builder.Build();
        Assert.Null(await app.Services.GetRequiredService<Longshore.Server.Access.ServerKeys>().LoadAsync(Token));
        Longshore.Server.Hosting.ServerComposition.MapLongshore(app);
        var routes = ((IEndpointRouteBuilder)app).DataSources.SelectMany(static source => source.Endpoints).OfType<RouteEndpoint>().Select(static e => "/" + e.RoutePattern.RawText!.TrimStart('/'));
        Assert.Equal(known.Order(), routes.Distinct().Order());
    }
}
