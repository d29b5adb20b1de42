namespace Longshore.Core.Lifecycle;

/// <summary>A lifecycle policy that was found valid (ECR LifecyclePolicyText).</summary>
public sealed class LifecyclePolicy
{
    /// <summary>Most rules in one policy.</summary>
    public const int MaxRules = 50;

    internal LifecyclePolicy(string text, IReadOnlyList<LifecycleRule> rules)
    {
        Text = text;
        Rules = rules;
    }

    /// <summary>The document as it was given.</summary>
    public string Text { get; }

    /// <summary>The rules by ascending priority number: the first one that selects an image decides about it.</summary>
    public IReadOnlyList<LifecycleRule> Rules { get; }
}

/// <summary>One rule.</summary>
/// <param name="Position">Its place in the document, from 0: for messages.</param>
/// <param name="Priority">From 1, unique; a lower number goes first.</param>
/// <param name="Description">For people; null when there is none.</param>
/// <param name="Selection">Which images it looks at, and how many or how old they may be.</param>
/// <param name="Action">What happens to the images beyond that.</param>
public sealed record LifecycleRule(int Position, int Priority, string? Description, LifecycleSelection Selection, LifecycleAction Action);

/// <summary>Which images a rule looks at, and the bound that they may not pass.</summary>
/// <param name="TagStatus">Tagged images, untagged ones, or all.</param>
/// <param name="Tags">With Tagged: every one must be met by some tag of the image. Else empty.</param>
/// <param name="StorageClass">The class that the images are in.</param>
/// <param name="CountType">What is counted.</param>
/// <param name="CountNumber">Images, or days; at least 1.</param>
public sealed record LifecycleSelection(
    LifecycleTagStatus TagStatus, IReadOnlyList<TagCriterion> Tags, StorageClass StorageClass, LifecycleCountType CountType, int CountNumber);

/// <summary>ECR tagStatus.</summary>
public enum LifecycleTagStatus
{
    /// <summary>Images with tags that meet the list.</summary>
    Tagged,

    /// <summary>Images without a tag.</summary>
    Untagged,

    /// <summary>All images.</summary>
    Any,
}

/// <summary>ECR countType.</summary>
public enum LifecycleCountType
{
    /// <summary>Keeps the youngest N.</summary>
    ImageCountMoreThan,

    /// <summary>Days since the push, or since the restore of an archived image.</summary>
    SinceImagePushed,

    /// <summary>Days since the last pull; since the push when there was none.</summary>
    SinceImagePulled,

    /// <summary>Days in the archive.</summary>
    SinceImageTransitioned,
}

/// <summary>ECR action type.</summary>
public enum LifecycleAction
{
    /// <summary>The image is removed.</summary>
    Expire,

    /// <summary>The image goes to the archive.</summary>
    Transition,
}

/// <summary>ECR storage class.</summary>
public enum StorageClass
{
    /// <summary>Ready to be pulled.</summary>
    Standard,

    /// <summary>Kept apart; must be restored before a pull.</summary>
    Archive,
}
