using System.Globalization;
using System.Net;
using Longshore.Server.Access;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace Longshore.Server.Tests.Trail;

/// <summary>Who counts as refused again and again, for how long, and within which bounds.</summary>
public sealed class RefusalsTests
{
    private readonly Clock _clock = new();
    private readonly Refusals _refusals;

    public RefusalsTests() => _refusals = new Refusals(new RefusalOptions(TimeSpan.FromSeconds(2)), _clock, NullLogger<Refusals>.Instance);

    [Fact]
    public void Nine_within_a_minute_make_a_burst_and_eight_do_not()
    {
        Refuse("10.0.0.1", 8);
        Assert.True(_refusals.IsCalm);
        Refuse("10.0.0.1", 1);
        Assert.False(_refusals.IsCalm);
        var alert = Assert.Single(_refusals.Alerts());
        Assert.Equal((RefusalSource.Address, "10.0.0.1", 9L, true), (alert.Source, alert.Value, alert.Count, alert.Active));
    }

    [Fact]
    public void Refusals_that_take_their_time_are_no_burst()
    {
        for (var i = 0; i < 50; i++)
        {
            Refuse("10.0.0.1", 1);
            _clock.Advance(TimeSpan.FromSeconds(9));
        }

        Assert.True(_refusals.IsCalm);
        Assert.Empty(_refusals.Alerts());
    }

    [Fact]
    public void A_burst_ends_when_its_source_goes_quiet_and_is_still_shown()
    {
        Refuse("10.0.0.1", 20);
        _clock.Advance(TimeSpan.FromMinutes(3));
        // The first question notices, the second is answered by it.
        _ = _refusals.IsCalm;
        Assert.True(_refusals.IsCalm);
        var alert = Assert.Single(_refusals.Alerts());
        Assert.Equal((20L, false), (alert.Count, alert.Active));
    }

    [Fact]
    public void Addresses_of_one_ipv6_network_are_one_source()
    {
        for (var i = 0; i < 9; i++) Refuse(string.Create(CultureInfo.InvariantCulture, $"2001:db8:1:2::{i + 1:x}"), 1);
        Assert.Equal("2001:db8:1:2::/64", Assert.Single(_refusals.Alerts()).Value);
    }

    [Fact]
    public void What_is_counted_is_bounded_and_bursts_stay()
    {
        Refuse("192.0.2.1", 9);
        for (var i = 0; i < Refusals.Capacity * 2; i++)
        {
            if (i % 1000 == 0) _clock.Advance(TimeSpan.FromMilliseconds(1100));
            Refuse(new IPAddress(0x0A000000L + i).ToString(), 1);
        }

        Assert.Contains(_refusals.Alerts(), static alert => alert.Value == "192.0.2.1");
    }

    [Fact]
    public void Being_asked_for_credentials_is_no_refusal()
    {
        var http = new DefaultHttpContext();
        Assert.False(Refusals.IsRefusal(new CallRecord { ErrorCode = "UNAUTHORIZED" }, http));
        Assert.False(Refusals.IsRefusal(new CallRecord { ErrorCode = "NAME_UNKNOWN", AccessKeyId = "AKIA" }, http));
        Assert.True(Refusals.IsRefusal(new CallRecord { ErrorCode = "InvalidSignatureException", AccessKeyId = "AKIA" }, http));
        http.Request.Headers.Authorization = "Basic eDp5";
        Assert.True(Refusals.IsRefusal(new CallRecord { ErrorCode = "UNAUTHORIZED" }, http));
    }

    private void Refuse(string address, int times)
    {
        var http = new DefaultHttpContext();
        http.Connection.RemoteIpAddress = IPAddress.Parse(address);
        for (var i = 0; i < times; i++) _refusals.Note(new CallRecord { ErrorCode = "UNAUTHORIZED" }, http);
    }

    /// <summary>A clock whose times and timestamps go together.</summary>
    private sealed class Clock : TimeProvider
    {
        private TimeSpan _since = TimeSpan.FromHours(1);

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddYears(56) + _since;

        public override long GetTimestamp() => _since.Ticks;

        public void Advance(TimeSpan by) => _since += by;
    }
}
