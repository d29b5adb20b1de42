namespace Longshore.Server.Hosting.Jobs;

/// <summary>
/// Tells which leases of other servers have gone without renewal for too long. Measured with this server's own stopwatch from when it first saw
/// the lease so: the wall clocks of two servers need not agree, and may jump.
/// </summary>
internal sealed class LeaseWatch(TimeProvider time, TimeSpan patience)
{
    private readonly Dictionary<long, (JobLease Lease, long Since)> seen = [];

    /// <summary>Takes in the leases of one look and gives those that are dead. Leases that are not among them are forgotten.</summary>
    public List<JobLease> Look(IReadOnlyCollection<JobLease> leases)
    {
        var now = time.GetTimestamp();
        var dead = new List<JobLease>();
        foreach (var lease in leases)
        {
            if (!seen.TryGetValue(lease.Id, out var former) || former.Lease != lease) seen[lease.Id] = (lease, now);
            else if (time.GetElapsedTime(former.Since, now) >= patience) dead.Add(lease);
        }

        if (seen.Count > leases.Count)
        {
            var there = leases.Select(lease => lease.Id).ToHashSet();
            foreach (var id in seen.Keys.Where(id => !there.Contains(id)).ToList()) seen.Remove(id);
        }

        return dead;
    }
}
