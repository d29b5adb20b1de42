using System.Data.Common;
using Microsoft.Data.Sqlite;

namespace Longshore.Storage.Metadata;

/// <summary>One SQLite connection with its prepared statements, used by one caller at a time. Every task it returns is complete.</summary>
internal sealed class SqliteSession : DbSession, IDisposable
{
    /// <summary>Statements kept prepared. The product has a fixed set of texts; the bound only guards against a mistake.</summary>
    private const int MaxPrepared = 512;

    private readonly SqliteConnection connection;
    private readonly Dictionary<string, SqliteCommand> prepared = new(StringComparer.Ordinal);

    public SqliteSession(SqliteConnection connection) => this.connection = connection;

    /// <summary>True while no transaction is open, also when SQLite rolled one back by itself.</summary>
    public bool InAutoCommit => SQLitePCL.raw.sqlite3_get_autocommit(connection.Handle) != 0;

    public override ValueTask<int> ExecuteAsync(string sql, params ReadOnlySpan<DbArg> args) => new(Run(sql, args));

    /// <summary>Runs a statement and gives the number of rows changed.</summary>
    public int Run(string sql, params ReadOnlySpan<DbArg> args)
    {
        try
        {
            return Bind(sql, args).ExecuteNonQuery();
        }
        catch (SqliteException e)
        {
            throw SqliteErrors.Translate(e);
        }
    }

    public override ValueTask<T?> QueryFirstAsync<T>(string sql, Func<DbDataReader, T> map, params ReadOnlySpan<DbArg> args)
        where T : default => new(First(sql, map, args));

    /// <summary>The first row as the mapper sees it, or the default when there is none.</summary>
    public T? First<T>(string sql, Func<DbDataReader, T> map, params ReadOnlySpan<DbArg> args)
    {
        try
        {
            using var reader = Bind(sql, args).ExecuteReader();
            return reader.Read() ? map(reader) : default;
        }
        catch (SqliteException e)
        {
            throw SqliteErrors.Translate(e);
        }
    }

    public override ValueTask<List<T>> QueryAsync<T>(string sql, Func<DbDataReader, T> map, params ReadOnlySpan<DbArg> args)
    {
        try
        {
            using var reader = Bind(sql, args).ExecuteReader();
            var rows = new List<T>();
            while (reader.Read()) rows.Add(map(reader));
            return new(rows);
        }
        catch (SqliteException e)
        {
            throw SqliteErrors.Translate(e);
        }
    }

    public void Dispose()
    {
        foreach (var command in prepared.Values) command.Dispose();
        prepared.Clear();
        connection.Dispose();
    }

    private SqliteCommand Bind(string sql, ReadOnlySpan<DbArg> args)
    {
        if (!prepared.TryGetValue(sql, out var command))
        {
            if (prepared.Count >= MaxPrepared) throw new InvalidOperationException("Too many SQL texts: are values being put into one?");
            command = connection.CreateCommand();
            command.CommandText = sql;
            foreach (var arg in args) command.Parameters.Add(new SqliteParameter(arg.Name, null));
            prepared.Add(sql, command);
        }

        if (command.Parameters.Count != args.Length) throw new ArgumentException($"The statement takes {command.Parameters.Count} arguments.", nameof(args));
        for (var i = 0; i < args.Length; i++)
        {
            var parameter = command.Parameters[i];
            if (parameter.ParameterName != args[i].Name) throw new ArgumentException($"Argument {i} is {parameter.ParameterName}.", nameof(args));
            parameter.Value = args[i].Value switch
            {
                null => DBNull.Value,
                bool flag => flag ? 1L : 0L,
                var other => other,
            };
        }

        return command;
    }
}

/// <summary>Tells SQLite's own errors in the words of this project.</summary>
internal static class SqliteErrors
{
    private const int Full = 13;

    /// <summary>A full disk becomes <see cref="Blobs.StorageFullException"/>; everything else stays what it is.</summary>
    public static Exception Translate(SqliteException error) =>
        error.SqliteErrorCode == Full ? new Blobs.StorageFullException("The metadata database has no room left.", error) : error;
}
