using System.Globalization;
using Npgsql;

namespace Longshore.Storage.Metadata;

/// <summary>
/// Where a PostgreSQL database is: <c>postgres://user[:password]@host[:port][,host[:port]…]/database[?parameter=value&amp;…]</c>, as libpq has it. Of
/// several hosts the primary is taken. Its text form never holds the password.
/// </summary>
public sealed class PostgresAddress
{
    /// <summary>Connections of one server that are open at the same time at the most, unless the address says otherwise.</summary>
    public const int DefaultConnections = 24;

    private const int DefaultPort = 5432;

    private readonly NpgsqlConnectionStringBuilder builder;

    private PostgresAddress(NpgsqlConnectionStringBuilder builder) => this.builder = builder;

    /// <summary>Whether the address itself holds a password; command lines are seen by every user of the machine.</summary>
    public bool HasPassword => !string.IsNullOrEmpty(builder.Password);

    /// <summary>What Npgsql is given.</summary>
    internal string ConnectionString => builder.ConnectionString;

    /// <summary>Connections of one server that are open at the same time at the most.</summary>
    public int Connections => builder.MaxPoolSize;

    /// <summary>Whether it names several database servers, of which one at a time takes writes.</summary>
    internal bool HasManyHosts => builder.Host!.Contains(',', StringComparison.Ordinal);

    /// <summary>Whether it names the directory of a socket.</summary>
    internal bool IsUnixSocket => builder.Host!.StartsWith('/');

    /// <summary>Understands an address.</summary>
    /// <param name="text">What was given.</param>
    /// <param name="problem">When the answer is null: what is wrong, without any part of a password.</param>
    public static PostgresAddress? Parse(string text, out string problem)
    {
        problem = "";
        // Taken apart by hand: a Uri knows neither several hosts nor none, and puts what it does not understand into its messages.
        var scheme = text.IndexOf("://", StringComparison.Ordinal);
        if (scheme < 0 || text[..scheme] is not ("postgres" or "postgresql")) return null;
        var rest = text[(scheme + 3)..];
        var queryAt = rest.IndexOf('?', StringComparison.Ordinal);
        var query = queryAt < 0 ? "" : rest[(queryAt + 1)..];
        if (queryAt >= 0) rest = rest[..queryAt];
        var pathAt = rest.IndexOf('/', StringComparison.Ordinal);
        var authority = pathAt < 0 ? rest : rest[..pathAt];
        var userAt = authority.LastIndexOf('@');
        var user = userAt < 0 ? "" : authority[..userAt];
        var builder = new NpgsqlConnectionStringBuilder
        {
            Database = pathAt < 0 ? "" : Uri.UnescapeDataString(rest[(pathAt + 1)..]),
            ApplicationName = "longshore",
            MaxPoolSize = DefaultConnections,
        };
        var colon = user.IndexOf(':', StringComparison.Ordinal);
        builder.Username = Uri.UnescapeDataString(colon < 0 ? user : user[..colon]);
        if (colon >= 0) builder.Password = Uri.UnescapeDataString(user[(colon + 1)..]);
        if (!SetHosts(builder, authority[(userAt + 1)..]))
        {
            problem = "its hosts are HOST[:PORT],HOST[:PORT],…";
            return null;
        }

        foreach (var part in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? part : part[..equals];
            var value = equals < 0 ? "" : Uri.UnescapeDataString(part[(equals + 1)..]);
            if (Set(builder, name, value) is not { } wrong) continue;
            problem = wrong;
            return null;
        }

        if (builder.Username.Length == 0) problem = "it names no user";
        else if (string.IsNullOrEmpty(builder.Host)) problem = "it names no host";
        else if (builder.Database.Length == 0) problem = "it names no database";
        return problem.Length == 0 ? new PostgresAddress(builder) : null;
    }

    /// <summary>The same address with a password that was given apart from it; one in the address wins.</summary>
    public PostgresAddress WithPassword(string? password) =>
        HasPassword || string.IsNullOrEmpty(password) ? this : new PostgresAddress(new NpgsqlConnectionStringBuilder(builder.ConnectionString) { Password = password });

    /// <summary>The address without password and parameters.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"postgres://{builder.Username}@{builder.Host}{(HasManyHosts ? "" : $":{builder.Port}")}/{builder.Database}");

    // One host is kept with its port apart, several with their ports: as Npgsql has them.
    private static bool SetHosts(NpgsqlConnectionStringBuilder builder, string text)
    {
        builder.Port = DefaultPort;
        if (text.Length == 0) return true;
        var hosts = new List<string>();
        foreach (var part in text.Split(','))
        {
            var end = part.LastIndexOf(']');
            var colon = part.LastIndexOf(':');
            var port = DefaultPort;
            if (colon > end && (!ushort.TryParse(part.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var given) || (port = given) == 0)) return false;
            var host = colon > end ? part[..colon] : part;
            if (host.Length == 0 || (end < 0 && host.Contains(':', StringComparison.Ordinal))) return false;
            hosts.Add(string.Create(CultureInfo.InvariantCulture, $"{host}:{port}"));
            (builder.Host, builder.Port) = (host.Trim('[', ']'), port);
        }

        if (hosts.Count > 1) (builder.Host, builder.Port) = (string.Join(',', hosts), DefaultPort);
        return true;
    }

    private static string? Set(NpgsqlConnectionStringBuilder builder, string name, string value)
    {
        switch (name)
        {
            case "sslmode":
                SslMode? mode = value switch
                {
                    "disable" => SslMode.Disable,
                    "allow" => SslMode.Allow,
                    "prefer" => SslMode.Prefer,
                    "require" => SslMode.Require,
                    "verify-ca" => SslMode.VerifyCA,
                    "verify-full" => SslMode.VerifyFull,
                    _ => null,
                };
                if (mode is null) return "sslmode is disable, allow, prefer, require, verify-ca or verify-full";
                builder.SslMode = mode.Value;
                return null;
            case "sslrootcert" when value.Length > 0:
                builder.RootCertificate = value;
                return null;
            case "passfile" when value.Length > 0:
                builder.Passfile = value;
                return null;
            case "host" when value.Length > 0:
                builder.Host = value; // The directory of a Unix socket: postgres://user@/database?host=/run/postgresql
                return null;
            case "application_name" when value.Length > 0:
                builder.ApplicationName = value;
                return null;
            case "target_session_attrs" when value is "primary" or "read-write":
                return null; // As it always is.
            case "connections" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count is >= 4 and <= 1000:
                builder.MaxPoolSize = count;
                return null;
            default:
                return "its parameters are sslmode, sslrootcert, passfile, host, application_name, target_session_attrs (primary or read-write) and connections (4 to 1000)";
        }
    }
}
