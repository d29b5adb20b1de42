namespace Longshore.Server.Lifecycle;

/// <summary>How lifecycle policies are run.</summary>
internal sealed class LifecycleOptions
{
    /// <summary>Every repository with a policy is evaluated at least this often. Default 24 hours; 1 minute to 7 days.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromHours(24);

    /// <summary>How long a finished preview is shown, and a plan can be applied. ECR does not tell; 24 hours.</summary>
    public TimeSpan PlanLife { get; init; } = TimeSpan.FromHours(24);

    /// <summary>How long plans, and with them their receipts, are kept. 90 days.</summary>
    public TimeSpan ReceiptLife { get; init; } = TimeSpan.FromDays(90);
}
