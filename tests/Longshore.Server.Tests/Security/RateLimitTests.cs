using Longshore.Core;
using Longshore.Server.Access;

namespace Longshore.Server.Tests.Security;

public sealed class RateLimitTests
{
    private static readonly RegistryId Home = new("123456789012", "us-east-1");
    private readonly TickingClock clock = new();

    [Fact]
    public void Without_a_limit_every_call_is_taken()
    {
        var limits = new RateLimits(new RateLimitOptions(), clock);
        for (var i = 0; i < 100_000; i++) Assert.Null(limits.Check(CallerOf(1), "ecr:PutImage"));
        Assert.Equal(0, limits.Count);
    }

    [Fact]
    public void As_many_calls_as_a_second_has_come_at_once_and_then_one_at_a_time()
    {
        var limits = new RateLimits(new RateLimitOptions { PerPrincipal = 20 }, clock);
        Assert.Equal(20, Taken(limits, CallerOf(1), 100));
        clock.Advance(TimeSpan.FromMilliseconds(49));
        Assert.Equal(0, Taken(limits, CallerOf(1), 10));
        clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(1, Taken(limits, CallerOf(1), 10));
        clock.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(20, Taken(limits, CallerOf(1), 100));
    }

    [Fact]
    public void One_principal_does_not_slow_down_another_and_sessions_of_a_role_share_theirs()
    {
        var limits = new RateLimits(new RateLimitOptions { PerPrincipal = 5 }, clock);
        Assert.Equal(5, Taken(limits, CallerOf(1), 10));
        Assert.Equal(5, Taken(limits, CallerOf(2), 10));
        Assert.Equal(0, Taken(limits, CallerOf(2, "another-session"), 10));
    }

    [Fact]
    public void ECRs_quotas_are_per_API_account_and_region()
    {
        var limits = new RateLimits(new RateLimitOptions { EcrQuotas = true }, clock);
        Assert.Equal(10, Taken(limits, CallerOf(1), 100, "ecr:PutImage"));
        Assert.Equal(0, Taken(limits, CallerOf(2), 100, "ecr:PutImage"));
        Assert.Equal(100, Taken(limits, CallerOf(1), 200, "ecr:InitiateLayerUpload"));
        Assert.Equal(10, Taken(limits, CallerOf(1) with { Registry = Home with { Region = "eu-west-1" } }, 100, "ecr:PutImage"));
        Assert.Equal(200, Taken(limits, CallerOf(1), 200, "ecr:DescribeImages"));
        Assert.Equal(ErrorCode.TooManyRequests, limits.Check(CallerOf(1), "ecr:PutImage")!.Code);
        Assert.Equal("Rate exceeded", limits.Check(CallerOf(1), "ecr:PutImage")!.Message);
    }

    [Fact]
    public void Memory_is_bounded_however_many_call()
    {
        var limits = new RateLimits(new RateLimitOptions { PerPrincipal = 1 }, clock);
        for (var i = 1; i < 50_000; i++)
        {
            _ = limits.Check(CallerOf(i), "ecr:ListImages");
            if (i % 1000 == 0) clock.Advance(TimeSpan.FromSeconds(2));
        }

        Assert.InRange(limits.Count, 1, RateLimits.Capacity);
        clock.Advance(TimeSpan.Zero);
        for (var i = 100_000; i < 150_000; i++) _ = limits.Check(CallerOf(i), "ecr:ListImages");
        Assert.InRange(limits.Count, 1, RateLimits.Capacity);
    }

    [Fact]
    public void Calls_at_the_same_time_get_no_more_than_the_limit()
    {
        var limits = new RateLimits(new RateLimitOptions { PerPrincipal = 1000 }, clock);
        var taken = 0;
        Parallel.For(0, 8, _ => Interlocked.Add(ref taken, Taken(limits, CallerOf(1), 1000)));
        Assert.Equal(1000, taken);
    }

    private static int Taken(RateLimits limits, Caller caller, int calls, string action = "ecr:ListImages")
    {
        var taken = 0;
        for (var i = 0; i < calls; i++)
            if (limits.Check(caller, action) is null) taken++;
        return taken;
    }

    private static Caller CallerOf(long id, string name = "x") =>
        new(new Principal(PrincipalKind.User, Home.Account, $"arn:aws:iam::{Home.Account}:user/{name}", "AIDA") { Id = id, Name = name }, Home);

    private sealed class TickingClock : TimeProvider
    {
        private long now = 1_000_000;

        public override long TimestampFrequency => 1_000_000;

        public override long GetTimestamp() => now;

        public void Advance(TimeSpan by) => now += (long)by.TotalMicroseconds;
    }
}
