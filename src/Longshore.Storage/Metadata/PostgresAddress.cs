using System.Globalization;
using Npgsql;

namespace Longshore.Storage.Metadata;

/// <summary>
/// Where a PostgreSQL database is: <c>postgres://user[:password]@host[:port]/database[?parameter=value&amp;…]</c>, as libpq has it. Its text form
/// never holds the password.
/// </summary>
public sealed class PostgresAddress
{
    /// <summary>Connections of one server that are open at the same time at the most, unless the address says otherwise.</summary>
    public const int DefaultConnections = 24;

    private const string NoHost = "no.host.invalid";

    private readonly NpgsqlConnectionStringBuilder builder;

    private PostgresAddress(NpgsqlConnectionStringBuilder builder) => this.builder = builder;

    /// <summary>Whether the address itself holds a password; command lines are seen by every user of the machine.</summary>
    public bool HasPassword => !string.IsNullOrEmpty(builder.Password);

    /// <summary>What Npgsql is given.</summary>
    internal string ConnectionString => builder.ConnectionString;

    /// <summary>Understands an address.</summary>
    /// <param name="text">What was given.</param>
    /// <param name="problem">When the answer is null: what is wrong, without any part of a password.</param>
    public static PostgresAddress? Parse(string text, out string problem)
    {
        problem = "";
        // Without a host the directory of a socket follows, which a Uri does not know.
        if (!Uri.TryCreate(text.Replace("@/", "@" + NoHost + "/", StringComparison.Ordinal), UriKind.Absolute, out var uri) || uri.Scheme is not ("postgres" or "postgresql")) return null;
        var builder = new NpgsqlConnectionStringBuilder
        {
            Host = uri.Host.Trim('[', ']'),
            Port = uri.Port > 0 ? uri.Port : 5432,
            Database = Uri.UnescapeDataString(uri.AbsolutePath.TrimStart('/')),
            ApplicationName = "longshore",
            MaxPoolSize = DefaultConnections,
        };
        var colon = uri.UserInfo.IndexOf(':', StringComparison.Ordinal);
        builder.Username = Uri.UnescapeDataString(colon < 0 ? uri.UserInfo : uri.UserInfo[..colon]);
        if (colon >= 0) builder.Password = Uri.UnescapeDataString(uri.UserInfo[(colon + 1)..]);
        foreach (var part in uri.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? part : part[..equals];
            var value = equals < 0 ? "" : Uri.UnescapeDataString(part[(equals + 1)..]);
            if (Set(builder, name, value) is not { } wrong) continue;
            problem = wrong;
            return null;
        }

        if (builder.Username.Length == 0) problem = "it names no user";
        else if (string.IsNullOrEmpty(builder.Host) || builder.Host == NoHost) problem = "it names no host";
        else if (builder.Database.Length == 0) problem = "it names no database";
        return problem.Length == 0 ? new PostgresAddress(builder) : null;
    }

    /// <summary>The same address with a password that was given apart from it; one in the address wins.</summary>
    public PostgresAddress WithPassword(string? password) =>
        HasPassword || string.IsNullOrEmpty(password) ? this : new PostgresAddress(new NpgsqlConnectionStringBuilder(builder.ConnectionString) { Password = password });

    /// <summary>The address without password and parameters.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"postgres://{builder.Username}@{builder.Host}:{builder.Port}/{builder.Database}");

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
            case "connections" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count is >= 4 and <= 1000:
                builder.MaxPoolSize = count;
                return null;
            default:
                return "its parameters are sslmode, sslrootcert, passfile, host, application_name and connections (4 to 1000)";
        }
    }
}
