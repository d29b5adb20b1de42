using System.Globalization;
using System.Text;
using System.Xml;

namespace Longshore.Core.Aws;

/// <summary>Writes the query protocol's replies. Absent values give no element.</summary>
public sealed class QueryXmlWriter
{
    /// <summary>The content type of replies.</summary>
    public const string ContentType = "text/xml";

    private readonly XmlWriter _xml;

    private QueryXmlWriter(XmlWriter xml) => _xml = xml;

    /// <summary>An error reply.</summary>
    /// <param name="xmlNamespace">The service's namespace, such as <c>StsOperations.XmlNamespace</c>.</param>
    /// <param name="code">The error's code, modelled or common.</param>
    /// <param name="isServerFault">Whether the fault is ours (<c>Receiver</c>) rather than the caller's (<c>Sender</c>).</param>
    /// <param name="message">What went wrong, for a person.</param>
    /// <param name="requestId">The id of the request.</param>
    public static string Error(string xmlNamespace, string code, bool isServerFault, string message, string requestId) =>
        Document("ErrorResponse", xmlNamespace, writer =>
        {
            writer._xml.WriteStartElement("Error");
            writer.Text("Type", isServerFault ? "Receiver" : "Sender");
            writer.Text("Code", code);
            writer.Text("Message", message);
            writer._xml.WriteEndElement();
            writer.Text("RequestId", requestId);
        });

    /// <summary>A string element.</summary>
    public void Text(string name, string? value)
    {
        if (value is not null) _xml.WriteElementString(name, Legal(value));
    }

    /// <summary>An integer element.</summary>
    public void Number(string name, int? value) => Text(name, value?.ToString(CultureInfo.InvariantCulture));

    /// <summary>A truth value: <c>true</c> or <c>false</c>.</summary>
    public void Flag(string name, bool? value) => Text(name, value is { } given ? given ? "true" : "false" : null);

    /// <summary>Bytes, in base64.</summary>
    public void Bytes(string name, byte[]? value) => Text(name, value is null ? null : Convert.ToBase64String(value));

    /// <summary>A list: its items, each an element <c>member</c>. An empty list is an empty element, an absent one none.</summary>
    public void List<T>(string name, IReadOnlyList<T>? items, Action<QueryXmlWriter, T> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        if (items is null) return;
        _xml.WriteStartElement(name);
        foreach (var item in items) write(this, item);
        _xml.WriteEndElement();
    }

    /// <summary>A map: an element <c>entry</c> with <c>key</c> and <c>value</c> for each pair, in the map's order.</summary>
    public void Map<T>(string name, IReadOnlyDictionary<string, T>? pairs, Action<QueryXmlWriter, T> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        if (pairs is null) return;
        _xml.WriteStartElement(name);
        foreach (var (key, value) in pairs)
        {
            _xml.WriteStartElement("entry");
            Text("key", key);
            write(this, value);
            _xml.WriteEndElement();
        }

        _xml.WriteEndElement();
    }

    /// <summary>A timestamp element: ISO 8601, UTC, milliseconds (<c>2011-07-15T23:28:33.359Z</c>).</summary>
    public void Timestamp(string name, DateTimeOffset? value) =>
        Text(name, value?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));

    /// <summary>A nested structure.</summary>
    public void Structure<T>(string name, T? value, Action<QueryXmlWriter, T> write)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(write);
        if (value is null) return;
        _xml.WriteStartElement(name);
        write(this, value);
        _xml.WriteEndElement();
    }

    internal static string Reply<T>(
        string element, string? resultElement, string xmlNamespace, string requestId, T output, Action<QueryXmlWriter, T> write)
        where T : class =>
        Document(element, xmlNamespace, writer =>
        {
            if (resultElement is not null) writer.Structure(resultElement, output, write);
            writer._xml.WriteStartElement("ResponseMetadata");
            writer.Text("RequestId", requestId);
            writer._xml.WriteEndElement();
        });

    private static string Document(string element, string xmlNamespace, Action<QueryXmlWriter> write)
    {
        var text = new StringBuilder();
        using (var xml = XmlWriter.Create(text, new XmlWriterSettings { OmitXmlDeclaration = true, NewLineHandling = NewLineHandling.Entitize }))
        {
            // Elements written by name alone inherit this default namespace.
            xml.WriteStartElement(element, xmlNamespace);
            write(new QueryXmlWriter(xml));
            xml.WriteEndElement();
        }

        return text.ToString();
    }

    /// <summary>XML has no way to write most control characters, not even escaped; they become U+FFFD.</summary>
    private static string Legal(string value)
    {
        StringBuilder? legal = null;
        for (var i = 0; i < value.Length; i++)
        {
            if (XmlConvert.IsXmlChar(value[i]))
            {
                legal?.Append(value[i]);
            }
            else if (i + 1 < value.Length && XmlConvert.IsXmlSurrogatePair(value[i + 1], value[i]))
            {
                legal?.Append(value, i, 2);
                i++;
            }
            else
            {
                legal ??= new StringBuilder(value, 0, i, value.Length);
                legal.Append('\uFFFD');
            }
        }

        return legal?.ToString() ?? value;
    }
}
