using Longshore.Server.Access;
using Longshore.Server.Ecr;
using Longshore.Server.EcrPublic;
using Longshore.Server.Hosting;
using Longshore.Server.Iam;
using Longshore.Server.Sts;

namespace Longshore.Server.Aws;

/// <summary>
/// <c>POST /</c>, told apart by <c>X-Amz-Target</c> (ECR, ECR Public) and form type (STS; IAM when the signature is for it). (1) The face, (2) the whole
/// body within the operation's bound, (3) the caller, (4) the face's own steps.
/// </summary>
internal sealed class AwsEndpoint(EcrFace ecr, EcrPublicFace ecrPublic, StsFace sts, IamFace iam, ServeOptions options)
{
    /// <summary>Bound of bodies that carry no content, in bytes.</summary>
    public const int SmallBody = 1024 * 1024;

    /// <summary>Bound of bodies that carry a layer part (20 MiB, in base64) or a manifest, in bytes.</summary>
    public const int LargeBody = 32 * 1024 * 1024;

    /// <summary>
    /// Bound of forms whose signature cannot be right, or that have none (STS AssumeRoleWithWebIdentity), in bytes: what they ask for, and so how
    /// they are refused, is said in them.
    /// </summary>
    public const int UnprovenBody = 128 * 1024;

    private const string TargetHeader = "X-Amz-Target";
    private const string FormType = "application/x-www-form-urlencoded";

    /// <summary>Answers one request.</summary>
    public async Task HandleAsync(HttpContext http)
    {
        http.TraceIdentifier = Guid.NewGuid().ToString();
        // As late as possible: the last resort clears what was set before.
        http.Response.OnStarting(
            static state =>
            {
                var context = (HttpContext)state;
                context.Response.Headers["x-amzn-RequestId"] = context.TraceIdentifier;
                return Task.CompletedTask;
            },
            http);
        var reply = await AnswerAsync(http);
        if (reply.ErrorCode is not null)
        {
            var record = CallRecord.Of(http);
            (record.ErrorCode, record.ErrorMessage) = (reply.ErrorCode, reply.ErrorMessage);
        }

        await reply.SendAsync(http);
    }

    private async ValueTask<AwsReply> AnswerAsync(HttpContext http)
    {
        var targets = http.Request.Headers[TargetHeader];
        if (targets.Count == 1 && targets[0] is { } target)
        {
            var dot = target.IndexOf('.', StringComparison.Ordinal);
            var (prefix, name) = dot < 0 ? (target, "") : (target[..dot], target[(dot + 1)..]);
            if (prefix == EcrFace.TargetPrefix && ecr.Find(name) is { } operation) return await ecr.AnswerAsync(http, operation, PublicAddress.Of(http.Request, options));
            if (prefix == EcrPublicFace.TargetPrefix && EcrPublicFace.Find(name) is { } publicOperation) return await ecrPublic.AnswerAsync(http, publicOperation);
        }
        else if (targets.Count == 0 && IsForm(http.Request.ContentType))
        {
            return IamFace.IsMeant(http) ? await iam.AnswerAsync(http) : await sts.AnswerAsync(http);
        }

        return AwsReply.JsonError(CommonErrors.UnknownOperation, "The header X-Amz-Target names no operation that this server knows.");
    }

    private static bool IsForm(string? contentType) =>
        contentType is not null && contentType.AsSpan().TrimStart().StartsWith(FormType, StringComparison.OrdinalIgnoreCase);
}

/// <summary>The AWS faces, as the host composes them.</summary>
internal static class AwsSetup
{
    /// <summary>Adds dispatch. The faces add themselves.</summary>
    public static IServiceCollection AddAws(this IServiceCollection services) => services
        .AddSingleton<AwsEndpoint>()
        .AddEcr()
        .AddSingleton<EcrPublicFace>()
        .AddSts()
        .AddIam();

    /// <summary>Maps <c>POST /</c>.</summary>
    public static void MapAws(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/", routes.ServiceProvider.GetRequiredService<AwsEndpoint>().HandleAsync);
        routes.MapEcr();
    }
}
