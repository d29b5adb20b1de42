using System.Text.RegularExpressions;
using Longshore.Storage.Metadata;

namespace Longshore.Storage.Tests.Metadata;

/// <summary>While servers are upgraded one by one, those of the version before run on the new schema: docs/decisions/0018-rolling-upgrades.md.</summary>
public sealed partial class MigrationTests
{
    /// <summary>The last one of the first version: nothing older ever ran beside it.</summary>
    private const int First = 16;

    [Fact]
    public void Numbers_are_used_once_in_both_databases()
    {
        Assert.Distinct(Migrations.ForPostgres.Select(migration => migration.Number));
        Assert.Subset(Migrations.ForPostgres.Select(migration => migration.Number).ToHashSet(), Migrations.ForSqlite.Select(migration => migration.Number).ToHashSet());
    }

    [Fact]
    public void Migrations_only_add_unless_they_say_which_servers_they_shut_out()
    {
        foreach (var migration in Migrations.ForPostgres.Where(migration => migration.Number > First))
        {
            if (migration.Oldest > 0) Assert.InRange(migration.Oldest, First, migration.Number - 1);
            else Assert.All(migration.Sql.Split('\n'), line => Assert.False(Takes(line), $"{migration.Name}: {line.Trim()}"));
        }
    }

    [Theory]
    [InlineData("CREATE TABLE things (id {id})", false)]
    [InlineData("ALTER TABLE things ADD COLUMN words {text}", false)]
    [InlineData("-- drop table things", false)]
    [InlineData("DROP TABLE things;", true)]
    [InlineData("ALTER TABLE things DROP COLUMN words;", true)]
    [InlineData("ALTER TABLE things RENAME COLUMN words TO text;", true)]
    [InlineData("ALTER TABLE things ALTER COLUMN words SET NOT NULL;", true)]
    [InlineData("DROP TRIGGER count_things ON things;", false)]
    public void What_takes_something_from_the_version_before_is_known(string line, bool takes) => Assert.Equal(takes, Takes(line));

    private static bool Takes(string line) => Taking().IsMatch(line.Split("--")[0]);

    [GeneratedRegex(@"\b(DROP\s+(TABLE|COLUMN|VIEW)|RENAME\s+(TO|COLUMN)|ALTER\s+COLUMN|SET\s+NOT\s+NULL)\b", RegexOptions.IgnoreCase)]
    private static partial Regex Taking();
}
