using Longshore.Core.Aws.Ecr;
using Longshore.Core.Lifecycle;
using Longshore.Server.Content;
using Longshore.Server.Content.Archiving;

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

    /// <summary>The images that an image status or artifact status lets through. None means active.</summary>
    public static StatusChoice ChoiceOf(string? value) => value switch
    {
        ImageStatusFilterValues.Archived => StatusChoice.Archived,
        ImageStatusFilterValues.Activating => StatusChoice.Activating,
        ImageStatusFilterValues.Any => StatusChoice.Any,
        _ => StatusChoice.Active,
    };

    /// <summary>The status on the wire.</summary>
    public static string NameOf(ImageStatus status) => status switch
    {
        ImageStatus.Archived => ImageStatusValues.Archived,
        ImageStatus.Activating => ImageStatusValues.Activating,
        _ => ImageStatusValues.Active,
    };

    /// <summary>Whether an image has a tag status.</summary>
    public static bool Has(ImageSummary image, TagStatus status) => status switch
    {
        TagStatus.Tagged => image.Tags.Count > 0,
        TagStatus.Untagged => image.Tags.Count == 0,
        _ => true,
    };
}
