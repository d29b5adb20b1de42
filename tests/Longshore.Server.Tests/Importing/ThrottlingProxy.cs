using System.Collections.Concurrent;
using System.Net;
using System.Text;

namespace Longshore.Server.Tests.Importing;

/// <summary>A proxy before a registry that throttles each call once: ECR's API by an exception's name, the distribution API by 429 and Retry-After.</summary>
internal sealed class ThrottlingProxy : IAsyncDisposable
{
    private readonly LocalListener listener;
    private readonly HttpClient client = new(new SocketsHttpHandler { AllowAutoRedirect = false });
    private readonly ConcurrentDictionary<string, bool> seen = new(StringComparer.Ordinal);
    private readonly Uri to;

    /// <summary>Starts it before a registry.</summary>
    public ThrottlingProxy(Uri to)
    {
        this.to = to;
        listener = new LocalListener(AnswerAsync);
    }

    /// <summary>Where it listens.</summary>
    public Uri Address => listener.Address;

    /// <summary>Calls that it refused.</summary>
    public int Throttled => seen.Count;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await listener.DisposeAsync();
        client.Dispose();
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        using var body = new MemoryStream();
        await context.Request.InputStream.CopyToAsync(body);
        var target = context.Request.Headers["X-Amz-Target"];
        var call = $"{context.Request.HttpMethod} {context.Request.RawUrl} {target} {context.Request.Headers["Authorization"] is null}";
        if (seen.TryAdd(call, true))
        {
            context.Response.StatusCode = target is null ? 429 : 400;
            if (target is null) context.Response.Headers["Retry-After"] = "0";
            context.Response.ContentType = "application/x-amz-json-1.1";
            context.Response.Close(Encoding.UTF8.GetBytes(context.Request.HttpMethod == "HEAD" ? "" : """{"__type":"com.amazonaws.ecr#ThrottlingException","message":"Rate exceeded"}"""), willBlock: true);
            return;
        }

        using var request = new HttpRequestMessage(new HttpMethod(context.Request.HttpMethod), new Uri(to, context.Request.RawUrl!));
        if (body.Length > 0) request.Content = new ByteArrayContent(body.ToArray());
        foreach (var name in context.Request.Headers.AllKeys)
            if (!request.Headers.TryAddWithoutValidation(name!, context.Request.Headers[name])) request.Content?.Headers.TryAddWithoutValidation(name!, context.Request.Headers[name]);
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        context.Response.StatusCode = (int)response.StatusCode;
        foreach (var (name, values) in response.Headers.Concat(response.Content.Headers))
            if (name is not ("Transfer-Encoding" or "Content-Length" or "Keep-Alive" or "Connection")) context.Response.Headers[name] = string.Join(',', values);
        var bytes = await response.Content.ReadAsByteArrayAsync();
        if (context.Request.HttpMethod == "HEAD") context.Response.Close();
        else context.Response.Close(bytes, willBlock: true);
    }
}
