using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace Longshore.Storage.Metadata;

/// <summary>
/// A statement's text as PostgreSQL takes it: <c>@name</c> has become <c>$1</c>, so that Npgsql need not look at the text again, and what
/// stands in a <c>/*lock …*/</c> comment has come out of it.
/// </summary>
internal sealed class PostgresStatement
{
    /// <summary>Texts kept. The product has a fixed set; the bound only guards against a mistake.</summary>
    private const int MaxKept = 4096;

    private const string Lock = "/*lock ";

    private static readonly ConcurrentDictionary<string, PostgresStatement> Known = new(StringComparer.Ordinal);

    private PostgresStatement(string text, IReadOnlyList<string> names)
    {
        Text = text;
        Names = names;
    }

    /// <summary>With <c>$1</c>, <c>$2</c>, …</summary>
    public string Text { get; }

    /// <summary>The names that the numbers stand for, in their order, each with its <c>@</c>.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>The translation of a text, made once.</summary>
    public static PostgresStatement Of(string sql)
    {
        if (Known.TryGetValue(sql, out var known)) return known;
        if (Known.Count >= MaxKept) Known.Clear();
        return Known.GetOrAdd(sql, Translate);
    }

    private static PostgresStatement Translate(string sql)
    {
        var text = new StringBuilder(sql.Length + 16);
        var names = new List<string>();
        for (var at = 0; at < sql.Length;)
        {
            if (sql[at] == '\'')
            {
                // A doubled quote ends one literal and begins the next: the text stays the same.
                var end = sql.IndexOf('\'', at + 1);
                end = end < 0 ? sql.Length : end + 1;
                text.Append(sql, at, end - at);
                at = end;
            }
            else if (string.CompareOrdinal(sql, at, Lock, 0, Lock.Length) == 0)
            {
                var end = sql.IndexOf("*/", at, StringComparison.Ordinal);
                text.Append(sql, at + Lock.Length, end - at - Lock.Length);
                at = end + 2;
            }
            else if (sql[at] == '@')
            {
                var end = at + 1;
                while (end < sql.Length && (char.IsAsciiLetterOrDigit(sql[end]) || sql[end] == '_')) end++;
                var name = sql[at..end];
                var number = names.IndexOf(name);
                if (number < 0)
                {
                    number = names.Count;
                    names.Add(name);
                }

                text.Append('$').Append((number + 1).ToString(CultureInfo.InvariantCulture));
                at = end;
            }
            else
            {
                text.Append(sql[at++]);
            }
        }

        return new PostgresStatement(text.ToString(), names);
    }
}
