using Longshore.Storage.Metadata;

namespace Longshore.Storage.Tests.Metadata;

public sealed class PostgresTextTests
{
    [Theory]
    [InlineData("SELECT 1", "SELECT 1")]
    [InlineData("SELECT @a, @b FROM t WHERE x = @a", "SELECT $1, $2 FROM t WHERE x = $1", "@a", "@b")]
    [InlineData("SELECT '@a', 'it''s @b' WHERE c = @c", "SELECT '@a', 'it''s @b' WHERE c = $1", "@c")]
    [InlineData("SELECT id FROM t WHERE a = @a /*lock FOR UPDATE*/", "SELECT id FROM t WHERE a = $1 FOR UPDATE", "@a")]
    [InlineData("SELECT l.id FROM l JOIN b ON true /*lock FOR KEY SHARE OF l*/", "SELECT l.id FROM l JOIN b ON true FOR KEY SHARE OF l")]
    [InlineData("SELECT 1 /* a comment */", "SELECT 1 /* a comment */")]
    public void Text_becomes_what_PostgreSQL_takes(string sql, string expected, params string[] names)
    {
        var statement = PostgresStatement.Of(sql);
        Assert.Equal(expected, statement.Text);
        Assert.Equal(names, statement.Names);
        Assert.Same(statement, PostgresStatement.Of(sql));
    }

    [Theory]
    [InlineData("postgres://u@h/db", "postgres://u@h:5432/db")]
    [InlineData("postgresql://u%40x:p%2Fw@h:6000/d%20b?sslmode=verify-full&connections=10", "postgres://u@x@h:6000/d b")]
    [InlineData("postgres://u@/db?host=/run/postgresql", "postgres://u@/run/postgresql:5432/db")]
    [InlineData("postgres://u@[::1]:6000/db", "postgres://u@::1:6000/db")]
    [InlineData("postgres://u@a,b:6000,[::1]/db?target_session_attrs=primary", "postgres://u@a:5432,b:6000,[::1]:5432/db")]
    public void Address_is_understood_and_shown_without_its_password(string text, string shown)
    {
        var address = PostgresAddress.Parse(text, out var problem);
        Assert.Equal("", problem);
        Assert.Equal(shown, address?.ToString());
        Assert.Equal(text.Contains("p%2Fw", StringComparison.Ordinal), address!.HasPassword);
        Assert.True(address.WithPassword("p/w").HasPassword);
    }

    [Theory]
    [InlineData("mysql://u@h/db")]
    [InlineData("postgres://h/db")]
    [InlineData("postgres://u@h")]
    [InlineData("postgres://u@h/")]
    [InlineData("postgres://u:secret@h/db?sslmode=perhaps")]
    [InlineData("postgres://u:secret@h/db?secret=1")]
    [InlineData("postgres://u:secret@h/db?connections=1")]
    [InlineData("postgres://u:secret@h:port/db")]
    [InlineData("postgres://u:secret@a,,b/db")]
    [InlineData("postgres://u:secret@::1/db")]
    [InlineData("postgres://u:sec/ret:secret@h/db")]
    [InlineData("postgres://u:sec?secret@h/db")]
    [InlineData("postgres://u:secret@a,b/db?target_session_attrs=any")]
    public void Wrong_address_is_refused_without_a_word_of_its_secrets(string text)
    {
        Assert.Null(PostgresAddress.Parse(text, out var problem));
        Assert.DoesNotContain("secret", problem, StringComparison.Ordinal);
    }
}
