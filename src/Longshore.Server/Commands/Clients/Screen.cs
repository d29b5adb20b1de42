using System.Globalization;
using System.Text;
using System.Text.Json;
using Spectre.Console;

namespace Longshore.Server.Commands.Clients;

/// <summary>Tables for people and JSON for machines.</summary>
internal static class Screen
{
    /// <summary>Columns where there is no terminal to ask.</summary>
    private const int PlainWidth = 180;

    /// <summary>A console over a writer: colours on a terminal, plain text elsewhere.</summary>
    public static IAnsiConsole Over(TextWriter output)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output), ColorSystem = Console.IsOutputRedirected ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect });
        if (Console.IsOutputRedirected) console.Profile.Width = PlainWidth;
        return console;
    }

    /// <summary>A table with these columns; those that end in <c>&gt;</c> are aligned to the right.</summary>
    public static Table Table(params ReadOnlySpan<string> columns)
    {
        var table = new Table { Border = TableBorder.Simple };
        foreach (var column in columns)
        {
            var right = column.EndsWith('>');
            var added = new TableColumn(Markup.Escape(right ? column[..^1] : column)) { NoWrap = true };
            table.AddColumn(right ? added.RightAligned() : added);
        }

        return table;
    }

    /// <summary>Adds a row of plain texts.</summary>
    public static void Row(this Table table, params ReadOnlySpan<string> cells)
    {
        var escaped = new string[cells.Length];
        for (var i = 0; i < escaped.Length; i++) escaped[i] = Markup.Escape(cells[i]);
        table.AddRow(escaped);
    }

    /// <summary>Bytes as people read them, such as <c>1.5 MiB</c>.</summary>
    public static string Bytes(long? bytes)
    {
        if (bytes is not { } value) return "–";
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        var (amount, unit) = ((double)value, 0);
        for (; amount >= 1024 && unit < units.Length - 1; unit++) amount /= 1024;
        return unit == 0 ? string.Create(CultureInfo.InvariantCulture, $"{value} B") : string.Create(CultureInfo.InvariantCulture, $"{amount:0.#} {units[unit]}");
    }

    /// <summary>A digest in short.</summary>
    public static string Short(string digest) => digest.Length > 19 && digest.Contains(':', StringComparison.Ordinal) ? digest[..19] : digest;

    /// <summary>Tags in short.</summary>
    public static string Tags(IReadOnlyList<string> tags) => tags.Count switch
    {
        0 => "–",
        <= 3 => string.Join(", ", tags),
        _ => string.Create(CultureInfo.InvariantCulture, $"{string.Join(", ", tags.Take(3))} +{tags.Count - 3}"),
    };

    /// <summary>Writes one JSON document, indented.</summary>
    public static void Json(TextWriter output, Action<Utf8JsonWriter> write)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartObject();
            write(writer);
            writer.WriteEndObject();
        }

        output.WriteLine(Encoding.UTF8.GetString(stream.ToArray()));
    }
}
