using Longshore.Core.Aws.Ecr;
using Longshore.Server.Content;

namespace Longshore.Server.Ecr;

/// <summary>The filters of lists of images.</summary>
internal static class StatusFilters
{
    /// <summary>The tag status of a filter; none means all.</summary>
    public static TagStatus TagStatusOf(string? value) => value switch
    {
        TagStatusValues.Tagged => TagStatus.Tagged,
        TagStatusValues.Untagged => TagStatus.Untagged,
        _ => TagStatus.Any,
    };

    /// <summary>Whether an image status or artifact status lets active images through. None means active; all images here are, until archiving is offered.</summary>
    public static bool IncludesActive(string? value) => value is null or ImageStatusFilterValues.Active or ImageStatusFilterValues.Any;

    /// <summary>Whether an image has a tag status.</summary>
    public static bool Has(ImageSummary image, TagStatus status) => status switch
    {
        TagStatus.Tagged => image.Tags.Count > 0,
        TagStatus.Untagged => image.Tags.Count == 0,
        _ => true,
    };
}
