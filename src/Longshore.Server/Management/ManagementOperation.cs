using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Longshore.Core;

namespace Longshore.Server.Management;

/// <summary>Does the work of an operation: from a call that the gate allowed and a whole body to the body of the answer; an empty one is 204.</summary>
internal delegate ValueTask<Outcome<byte[]>> ManagementHandler(ManagementCall call, ReadOnlyMemory<byte> body, CancellationToken cancellationToken);

/// <summary>
/// One operation: its declaration, the types of its bodies and its work. There is no way to make one without a declaration that holds, and
/// <see cref="ManagementEndpoint"/> routes to nothing else.
/// </summary>
internal sealed class ManagementOperation
{
    private readonly Func<IServiceProvider, ManagementHandler> bind;

    private ManagementOperation(ManagementDeclaration declaration, JsonTypeInfo? input, JsonTypeInfo? output, Func<IServiceProvider, ManagementHandler> bind)
    {
        if (declaration.Fault() is { } fault) throw new ArgumentException($"{declaration.Method} {declaration.Path}: {fault}.", nameof(declaration));
        foreach (var type in new[] { input, output })
            if (type is { Options.UnmappedMemberHandling: not JsonUnmappedMemberHandling.Disallow })
                throw new ArgumentException($"{declaration.Verb}: the context of {type.Type.Name} must be made with {nameof(ManagementJson)}.{nameof(ManagementJson.NewOptions)}.");
        (Declaration, Input, Output, this.bind) = (declaration, input, output, bind);
    }

    /// <summary>What it says of itself.</summary>
    public ManagementDeclaration Declaration { get; }

    /// <summary>The type of its body; null when it takes none.</summary>
    public JsonTypeInfo? Input { get; }

    /// <summary>The type of its answer; null for 204.</summary>
    public JsonTypeInfo? Output { get; }

    /// <summary>An operation with a body and an answer.</summary>
    /// <param name="declaration">What it says of itself.</param>
    /// <param name="input">The body, from a context made with <see cref="ManagementJson.NewOptions"/>.</param>
    /// <param name="output">The answer, likewise.</param>
    /// <param name="handle">The work. The service is a singleton of the host.</param>
    public static ManagementOperation Of<TService, TInput, TOutput>(
        ManagementDeclaration declaration,
        JsonTypeInfo<TInput> input,
        JsonTypeInfo<TOutput> output,
        Func<TService, ManagementCall, TInput, CancellationToken, ValueTask<Outcome<TOutput>>> handle)
        where TService : class
        where TInput : class => new(declaration, input, output, services =>
    {
        var service = services.GetRequiredService<TService>();
        return async (call, body, token) =>
        {
            if (!ManagementJson.Read(body, input).TryGet(out var value, out var error)) return error;
            return (await handle(service, call, value, token)).TryGet(out var answer, out error) ? JsonSerializer.SerializeToUtf8Bytes(answer, output) : error;
        };
    });

    /// <summary>An operation with an answer alone.</summary>
    public static ManagementOperation Of<TService, TOutput>(
        ManagementDeclaration declaration,
        JsonTypeInfo<TOutput> output,
        Func<TService, ManagementCall, CancellationToken, ValueTask<Outcome<TOutput>>> handle)
        where TService : class => new(declaration, null, output, services =>
    {
        var service = services.GetRequiredService<TService>();
        return async (call, _, token) =>
            (await handle(service, call, token)).TryGet(out var answer, out var error) ? JsonSerializer.SerializeToUtf8Bytes(answer, output) : error;
    });

    /// <summary>An operation with neither: 204.</summary>
    public static ManagementOperation Of<TService>(
        ManagementDeclaration declaration, Func<TService, ManagementCall, CancellationToken, ValueTask<Outcome<Done>>> handle)
        where TService : class => new(declaration, null, null, services =>
    {
        var service = services.GetRequiredService<TService>();
        return async (call, _, token) => (await handle(service, call, token)).TryGet(out var _, out var error) ? Array.Empty<byte>() : error;
    });

    /// <summary>Finds the services that the work needs.</summary>
    public ManagementHandler Bind(IServiceProvider services) => bind(services);
}
