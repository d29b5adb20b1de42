using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Aws;
using Longshore.Server.RegistrySettings;

namespace Longshore.Server.Ecr;

/// <summary>DescribeRepositoryCreationTemplates: those of the prefixes named, in their order, or all by pages.</summary>
internal sealed class DescribeRepositoryCreationTemplates(CreationTemplates templates)
    : EcrHandler<DescribeRepositoryCreationTemplatesRequest, DescribeRepositoryCreationTemplatesResponse>(EcrOperations.DescribeRepositoryCreationTemplates)
{
    /// <summary>Templates on a page unless maxResults says otherwise, and prefixes in one request.</summary>
    private const int DefaultPage = 100;

    protected override Outcome<EcrTarget> Locate(DescribeRepositoryCreationTemplatesRequest input, RegistryId home) => EcrTarget.OfRegistry(home);

    protected override async ValueTask<Outcome<DescribeRepositoryCreationTemplatesResponse>> HandleAsync(DescribeRepositoryCreationTemplatesRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        if (input.Prefixes is { Count: > 0 } prefixes) return await FindAsync(input, prefixes, target.Registry, cancellationToken);
        var tokens = PageToken.For(nameof(DescribeRepositoryCreationTemplates), target.Registry);
        if (!tokens.Read(input.NextToken).TryGet(out var after, out var error)) return error;
        var limit = input.MaxResults ?? DefaultPage;
        var found = await templates.ListAsync(target.Registry, after, limit + 1, cancellationToken);
        var next = Paging.Cut(found, limit, static template => template.Prefix);
        return Answer(target.Registry, found, tokens.Write(next));
    }

    private async ValueTask<Outcome<DescribeRepositoryCreationTemplatesResponse>> FindAsync(
        DescribeRepositoryCreationTemplatesRequest input, IReadOnlyList<string> prefixes, RegistryId registry, CancellationToken cancellationToken)
    {
        if (Paging.RefuseBeside("prefixes", input.NextToken, input.MaxResults) is { } refused) return refused;
        if (prefixes.Count > DefaultPage) return EcrErrors.InvalidParameter("prefixes", $"Member must have length less than or equal to {DefaultPage}");
        var found = new List<CreationTemplate>();
        foreach (var prefix in prefixes.Select(CreationTemplate.Normalize).Distinct(StringComparer.Ordinal))
        {
            // The model has no error for one that is not there.
            if (await templates.FindAsync(registry, prefix, cancellationToken) is { } template) found.Add(template);
        }

        return Answer(registry, found, null);
    }

    private static DescribeRepositoryCreationTemplatesResponse Answer(RegistryId registry, List<CreationTemplate> found, string? nextToken) => new()
    {
        RegistryId = registry.Account,
        RepositoryCreationTemplates = [.. found.Select(TemplateWire.ToWire)],
        NextToken = nextToken,
    };
}
