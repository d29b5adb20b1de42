using System.Data.Common;
using System.Text;
using Npgsql;
using NpgsqlTypes;

namespace Longshore.Storage.Metadata;

/// <summary>One PostgreSQL connection in use by one caller, until the token says that nobody waits for it. Npgsql keeps the statements prepared, by connection.</summary>
internal sealed class PostgresSession(NpgsqlConnection connection, CancellationToken ended) : DbSession
{
    public override ValueTask<int> ExecuteAsync(string sql, params ReadOnlySpan<DbArg> args) => ExecuteAsync(Bind(sql, args));

    public override ValueTask<T?> QueryFirstAsync<T>(string sql, Func<DbDataReader, T> map, params ReadOnlySpan<DbArg> args)
        where T : default => FirstAsync(Bind(sql, args), map);

    public override ValueTask<List<T>> QueryAsync<T>(string sql, Func<DbDataReader, T> map, params ReadOnlySpan<DbArg> args) => AllAsync(Bind(sql, args), map);

    private static async ValueTask<int> ExecuteAsync(NpgsqlCommand command)
    {
        await using (command) return await command.ExecuteNonQueryAsync(CancellationToken.None);
    }

    private static async ValueTask<T?> FirstAsync<T>(NpgsqlCommand command, Func<DbDataReader, T> map)
    {
        await using (command)
        {
            await using var reader = await command.ExecuteReaderAsync(CancellationToken.None);
            return await reader.ReadAsync(CancellationToken.None) ? map(reader) : default;
        }
    }

    private static async ValueTask<List<T>> AllAsync<T>(NpgsqlCommand command, Func<DbDataReader, T> map)
    {
        await using (command)
        {
            await using var reader = await command.ExecuteReaderAsync(CancellationToken.None);
            var rows = new List<T>();
            while (await reader.ReadAsync(CancellationToken.None)) rows.Add(map(reader));
            return rows;
        }
    }

    private NpgsqlCommand Bind(string sql, ReadOnlySpan<DbArg> args)
    {
        // Nobody waits for the answer any more.
        ended.ThrowIfCancellationRequested();
        var statement = PostgresStatement.Of(sql);
        var command = new NpgsqlCommand(statement.Text, connection);
        if (statement.Names.Count != args.Length) throw new ArgumentException($"The statement takes {statement.Names.Count} arguments.", nameof(args));
        foreach (var name in statement.Names) command.Parameters.Add(Parameter(Find(name, args)));
        return command;
    }

    private static object? Find(string name, ReadOnlySpan<DbArg> args)
    {
        foreach (ref readonly var arg in args)
            if (string.Equals(arg.Name, name, StringComparison.Ordinal)) return arg.Value;
        throw new ArgumentException($"The statement has no value for {name}.", nameof(args));
    }

    private static NpgsqlParameter Parameter(object? value) => value switch
    {
        // Without a type the database finds it from where the argument stands, as it does for a literal NULL.
        null => new NpgsqlParameter { Value = DBNull.Value, NpgsqlDbType = NpgsqlDbType.Unknown },
        bool flag => new NpgsqlParameter<long> { TypedValue = flag ? 1 : 0, NpgsqlDbType = NpgsqlDbType.Bigint },
        long number => new NpgsqlParameter<long> { TypedValue = number, NpgsqlDbType = NpgsqlDbType.Bigint },
        int number => new NpgsqlParameter<long> { TypedValue = number, NpgsqlDbType = NpgsqlDbType.Bigint },
        string text => new NpgsqlParameter<string> { TypedValue = Storable(text), NpgsqlDbType = NpgsqlDbType.Text },
        byte[] bytes => new NpgsqlParameter<byte[]> { TypedValue = bytes, NpgsqlDbType = NpgsqlDbType.Bytea },
        _ => throw new ArgumentException($"A {value.GetType().Name} is no argument of a statement."),
    };

    // What SQLite takes and PostgreSQL refuses. NUL becomes the character after it, so that what is compared still sorts where it did;
    // half of a surrogate pair becomes the replacement character, as SQLite's driver has it.
    private static string Storable(string text)
    {
        if (text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') >= 0) text = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
        return text.Replace('\0', '\u0001');
    }
}
