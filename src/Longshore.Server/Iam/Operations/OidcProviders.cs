using Longshore.Core.Aws.Iam;
using Longshore.Server.Iam.Store;

namespace Longshore.Server.Iam.Operations;

/// <summary>OpenID Connect identity providers: whose tokens roles may be assumed with.</summary>
internal static class OidcProviders
{
    /// <summary>The operations.</summary>
    public static IReadOnlyList<IamOperation> All { get; } =
    [
        IamOperation.Writes(
            IamOperations.CreateOpenIDConnectProvider,
            static (iam, i) => new ValueTask<string>(IamArns.Provider(iam.Account, Normalize(i.Url!) ?? "")), CreateAsync),
        IamOperation.Reads(
            IamOperations.GetOpenIDConnectProvider, Resources.Arn<GetOpenIDConnectProviderRequest>(i => i.OpenIDConnectProviderArn), GetAsync),
        IamOperation.Reads(IamOperations.ListOpenIDConnectProviders, Resources.Any, ListAsync),
        IamOperation.Writes(
            IamOperations.DeleteOpenIDConnectProvider, Resources.Arn<DeleteOpenIDConnectProviderRequest>(i => i.OpenIDConnectProviderArn), DeleteAsync),
        IamOperation.Writes(
            IamOperations.AddClientIDToOpenIDConnectProvider,
            Resources.Arn<AddClientIDToOpenIDConnectProviderRequest>(i => i.OpenIDConnectProviderArn), AddClientIdAsync),
        IamOperation.Writes(
            IamOperations.RemoveClientIDFromOpenIDConnectProvider,
            Resources.Arn<RemoveClientIDFromOpenIDConnectProviderRequest>(i => i.OpenIDConnectProviderArn), RemoveClientIdAsync),
        IamOperation.Writes(
            IamOperations.UpdateOpenIDConnectProviderThumbprint,
            Resources.Arn<UpdateOpenIDConnectProviderThumbprintRequest>(i => i.OpenIDConnectProviderArn), UpdateThumbprintAsync),
        IamOperation.Writes(
            IamOperations.TagOpenIDConnectProvider, Resources.Arn<TagOpenIDConnectProviderRequest>(i => i.OpenIDConnectProviderArn), TagAsync),
        IamOperation.Writes(
            IamOperations.UntagOpenIDConnectProvider, Resources.Arn<UntagOpenIDConnectProviderRequest>(i => i.OpenIDConnectProviderArn), UntagAsync),
        IamOperation.Reads(
            IamOperations.ListOpenIDConnectProviderTags, Resources.Arn<ListOpenIDConnectProviderTagsRequest>(i => i.OpenIDConnectProviderArn), ListTagsAsync),
    ];

    /// <summary>
    /// The url of an issuer as ARNs and rows have it: without scheme. Null when it cannot be one: issuers are https without query, except
    /// on this machine itself, where tests and development run without certificates.
    /// </summary>
    public static string? Normalize(string url)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.UserInfo.Length > 0 || uri.Query.Length > 0 || uri.Fragment.Length > 0) return null;
        if (uri.Scheme != Uri.UriSchemeHttps && !(uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback)) return null;
        return url[(url.IndexOf("://", StringComparison.Ordinal) + 3)..].TrimEnd('/');
    }

    /// <summary>What is wrong with audiences and thumbprints; null when nothing is.</summary>
    public static IamError? Check(IReadOnlyList<string> clientIds, IReadOnlyList<string> thumbprints)
    {
        if (clientIds.Count > IamQuotas.ClientIds) return IamError.Quota("ClientIdsPerOpenIdConnectProvider", IamQuotas.ClientIds);
        if (clientIds.Any(static id => id.Length == 0 || id.Any(char.IsControl))) return IamError.Invalid("A client id must have characters, and no control characters.");
        return thumbprints.Any(static t => t.Length != 40 || !t.All(char.IsAsciiHexDigit))
            ? IamError.Invalid("A thumbprint is the SHA-1 of a certificate: 40 hexadecimal digits.")
            : null;
    }

    private static async ValueTask<IamOutcome<CreateOpenIDConnectProviderResponse>> CreateAsync(IamContext iam, CreateOpenIDConnectProviderRequest input)
    {
        if (Normalize(input.Url!) is not { } url) return IamError.Invalid("Invalid Open ID Connect Provider URL: it must be https without query.");
        var (clientIds, thumbprints) = (Distinct(input.ClientIDList), Distinct(input.ThumbprintList));
        if (Check(clientIds, thumbprints) is { } wrong) return wrong;
        if (await ProviderRows.FindAsync(iam, url) is not null) return IamError.AlreadyExists($"Provider with url {input.Url} already exists.");
        if ((await ProviderRows.AllAsync(iam)).Count >= IamQuotas.Providers) return IamError.Quota("OpenIdConnectProvidersPerAccount", IamQuotas.Providers);
        var provider = await ProviderRows.AddAsync(iam, url, clientIds, thumbprints, null);
        if (await TagRows.Providers.SetAsync(iam, provider.Id, input.Tags) is { } fault) return fault;
        return new CreateOpenIDConnectProviderResponse { OpenIDConnectProviderArn = provider.Arn, Tags = input.Tags is { Count: > 0 } ? input.Tags : null };
    }

    private static async ValueTask<IamOutcome<GetOpenIDConnectProviderResponse>> GetAsync(IamContext iam, GetOpenIDConnectProviderRequest input)
    {
        if (!(await ProviderRows.GetAsync(iam, input.OpenIDConnectProviderArn!)).TryGet(out var provider, out var error)) return error;
        var tags = await TagRows.Providers.AllAsync(iam, provider.Id);
        return new GetOpenIDConnectProviderResponse
        {
            Url = provider.Url,
            ClientIDList = provider.ClientIds,
            ThumbprintList = provider.Thumbprints,
            CreateDate = provider.CreatedAt,
            Tags = tags.Count > 0 ? tags : null,
        };
    }

    private static async ValueTask<IamOutcome<ListOpenIDConnectProvidersResponse>> ListAsync(IamContext iam, ListOpenIDConnectProvidersRequest input) =>
        new ListOpenIDConnectProvidersResponse
        {
            OpenIDConnectProviderList = [.. (await ProviderRows.AllAsync(iam)).Select(static provider => new OpenIDConnectProviderListEntry { Arn = provider.Arn })],
        };

    // Once more is no error (IAM API reference: the operation is idempotent).
    private static async ValueTask<IamOutcome<NoOutput>> DeleteAsync(IamContext iam, DeleteOpenIDConnectProviderRequest input)
    {
        if (IamArns.ReadProvider(iam.Account, input.OpenIDConnectProviderArn!) is not { } url)
            return IamError.NoSuchEntity($"OpenIDConnect Provider not found for arn {input.OpenIDConnectProviderArn}");
        if (await ProviderRows.FindAsync(iam, url) is { } provider) await ProviderRows.RemoveAsync(iam, provider);
        return new NoOutput();
    }

    private static async ValueTask<IamOutcome<NoOutput>> AddClientIdAsync(IamContext iam, AddClientIDToOpenIDConnectProviderRequest input) =>
        await ChangeAsync(iam, input.OpenIDConnectProviderArn!, provider => provider with { ClientIds = Distinct([.. provider.ClientIds, input.ClientID!]) });

    private static async ValueTask<IamOutcome<NoOutput>> RemoveClientIdAsync(IamContext iam, RemoveClientIDFromOpenIDConnectProviderRequest input) =>
        await ChangeAsync(iam, input.OpenIDConnectProviderArn!, provider => provider with { ClientIds = [.. provider.ClientIds.Where(id => id != input.ClientID)] });

    private static async ValueTask<IamOutcome<NoOutput>> UpdateThumbprintAsync(IamContext iam, UpdateOpenIDConnectProviderThumbprintRequest input) =>
        await ChangeAsync(iam, input.OpenIDConnectProviderArn!, provider => provider with { Thumbprints = Distinct(input.ThumbprintList) });

    private static async ValueTask<IamOutcome<NoOutput>> ChangeAsync(IamContext iam, string arn, Func<ProviderRow, ProviderRow> change)
    {
        if (!(await ProviderRows.GetAsync(iam, arn)).TryGet(out var provider, out var error)) return error;
        provider = change(provider);
        if (Check(provider.ClientIds, provider.Thumbprints) is { } wrong) return wrong;
        await ProviderRows.UpdateAsync(iam, provider);
        return new NoOutput();
    }

    private static async ValueTask<IamOutcome<NoOutput>> TagAsync(IamContext iam, TagOpenIDConnectProviderRequest input)
    {
        if (!(await ProviderRows.GetAsync(iam, input.OpenIDConnectProviderArn!)).TryGet(out var provider, out var error)) return error;
        return await TagRows.Providers.SetAsync(iam, provider.Id, input.Tags) is { } fault ? fault : new NoOutput();
    }

    private static async ValueTask<IamOutcome<NoOutput>> UntagAsync(IamContext iam, UntagOpenIDConnectProviderRequest input)
    {
        if (!(await ProviderRows.GetAsync(iam, input.OpenIDConnectProviderArn!)).TryGet(out var provider, out var error)) return error;
        await TagRows.Providers.UnsetAsync(iam, provider.Id, input.TagKeys!);
        return new NoOutput();
    }

    private static async ValueTask<IamOutcome<ListOpenIDConnectProviderTagsResponse>> ListTagsAsync(IamContext iam, ListOpenIDConnectProviderTagsRequest input)
    {
        if (!(await ProviderRows.GetAsync(iam, input.OpenIDConnectProviderArn!)).TryGet(out var provider, out var error)) return error;
        if (!iam.Page("ListOpenIDConnectProviderTags", input.Marker, input.MaxItems, provider.Arn).TryGet(out var page, out error)) return error;
        var tags = await TagRows.Providers.ListAsync(iam, provider.Id, page);
        var marker = page.Cut(tags, static tag => tag.Key!);
        return new ListOpenIDConnectProviderTagsResponse { Tags = tags, IsTruncated = marker is not null, Marker = marker };
    }

    private static List<string> Distinct(IReadOnlyList<string>? items) => [.. (items ?? []).Distinct(StringComparer.Ordinal)];
}
