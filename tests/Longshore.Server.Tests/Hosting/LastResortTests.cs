using System.Text;
using System.Text.Json;
using Longshore.Server.Hosting;
using Longshore.Storage.Blobs;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging.Abstractions;

namespace Longshore.Server.Tests.Hosting;

public sealed class LastResortTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Unexpected_exception_is_500_in_the_registrys_form(bool synchronously)
    {
        var (context, body) = await RunAsync("/v2/a/manifests/b", new InvalidOperationException("secret detail"), synchronously);
        Assert.Equal((500, "application/json"), (context.Response.StatusCode, context.Response.ContentType));
        var error = JsonDocument.Parse(body).RootElement.GetProperty("errors")[0];
        Assert.Equal("UNKNOWN", error.GetProperty("code").GetString());
        Assert.Equal("id-1", error.GetProperty("detail").GetProperty("requestId").GetString());
        Assert.DoesNotContain("secret", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unexpected_exception_is_500_in_the_form_of_the_AWS_APIs()
    {
        var (context, body) = await RunAsync("/", new InvalidOperationException("secret detail"));
        Assert.Equal((500, "application/x-amz-json-1.1"), (context.Response.StatusCode, context.Response.ContentType));
        Assert.Equal("ServerException", JsonDocument.Parse(body).RootElement.GetProperty("__type").GetString());
        Assert.DoesNotContain("secret", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Full_store_is_507_with_the_words_that_stop_dockers_retries()
    {
        var (context, _) = await RunAsync("/v2/a/blobs/uploads/", new StorageFullException("full"));
        Assert.Equal(507, context.Response.StatusCode);
        Assert.Equal("no space left on device", context.Features.GetRequiredFeature<IHttpResponseFeature>().ReasonPhrase);
    }

    [Fact]
    public async Task Clients_that_break_HTTP_get_the_status_of_their_fault()
    {
        var (context, body) = await RunAsync("/v2/a/blobs/uploads/x", new BadHttpRequestException("too slow", 408));
        Assert.Equal(408, context.Response.StatusCode);
        Assert.Contains("too slow", body, StringComparison.Ordinal);
    }

    private static async Task<(HttpContext Context, string Body)> RunAsync(string path, Exception exception, bool synchronously = false)
    {
        var body = new MemoryStream();
        var context = new DefaultHttpContext { TraceIdentifier = "id-1" };
        context.Request.Path = path;
        context.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(body));
        var middleware = new LastResort(
            async _ =>
            {
                if (!synchronously) await Task.Yield();
                throw exception;
            },
            NullLogger<LastResort>.Instance);
        await middleware.InvokeAsync(context);
        return (context, Encoding.UTF8.GetString(body.ToArray()));
    }
}
