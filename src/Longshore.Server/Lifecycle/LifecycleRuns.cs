using Longshore.Core;
using Longshore.Server.Hosting.Jobs;

namespace Longshore.Server.Lifecycle;

/// <summary>The daily run of a policy, as an operator sees it.</summary>
internal sealed class LifecycleRuns(LifecyclePolicies policies, JobStore jobs)
{
    /// <summary>The policy and its job, which is triggered before when <paramref name="trigger"/>. RepositoryNotFound, LifecyclePolicyNotFound.</summary>
    public async ValueTask<Outcome<(StoredPolicy Policy, JobState? Job)>> FindAsync(RegistryId registry, RepositoryName name, bool trigger, CancellationToken cancellationToken)
    {
        if (!(await policies.GetAsync(registry, name, cancellationToken)).TryGet(out var policy, out var error)) return error;
        var job = LifecyclePolicies.NameOf(policy.RepositoryId);
        if (trigger) await jobs.TriggerAsync(LifecycleJob.JobKind, job, cancellationToken);
        return (policy, await jobs.FindAsync(LifecycleJob.JobKind, job, cancellationToken));
    }
}
