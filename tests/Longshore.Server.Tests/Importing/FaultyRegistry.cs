using System.Collections.Concurrent;
using System.Net;
using System.Text;

namespace Longshore.Server.Tests.Importing;

/// <summary>A registry that answers what a test says, and keeps what it was asked.</summary>
internal sealed class FaultyRegistry : IAsyncDisposable
{
    private readonly LocalListener listener;
    private readonly TaskCompletionSource end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Func<FaultyRegistry, HttpListenerContext, Task> answer;

    /// <summary>Starts one.</summary>
    public FaultyRegistry(Func<FaultyRegistry, HttpListenerContext, Task> answer)
    {
        this.answer = answer;
        listener = new LocalListener(AnswerAsync);
    }

    /// <summary>Where it listens.</summary>
    public Uri Address => listener.Address;

    /// <summary>Methods, paths and what was in Authorization, in the order in which they came.</summary>
    public ConcurrentQueue<(string Method, string Path, string? Authorization, string Body)> Asked { get; } = new();

    /// <summary>Answers in whole.</summary>
    public static Task SendAsync(HttpListenerContext context, string body, string type = "application/json", int status = 200, params (string Name, string Value)[] headers)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = type;
        foreach (var (name, value) in headers) context.Response.Headers[name] = value;
        var bytes = Encoding.UTF8.GetBytes(body);
        if (context.Request.HttpMethod == "HEAD") context.Response.Close();
        else context.Response.Close(bytes, willBlock: true);
        return Task.CompletedTask;
    }

    /// <summary>Begins an answer, or not even that, and is silent from there on.</summary>
    public async Task StallAsync(HttpListenerContext context, ReadOnlyMemory<byte> beginning, long length)
    {
        if (beginning.Length > 0)
        {
            context.Response.ContentLength64 = length;
            await context.Response.OutputStream.WriteAsync(beginning);
            await context.Response.OutputStream.FlushAsync();
        }

        await end.Task;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        end.TrySetResult();
        await listener.DisposeAsync();
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        try
        {
            using var body = new StreamReader(context.Request.InputStream);
            Asked.Enqueue((context.Request.HttpMethod, context.Request.RawUrl!, context.Request.Headers["Authorization"], await body.ReadToEndAsync()));
            await answer(this, context);
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or IOException)
        {
            // The client went away.
        }
    }
}
