using System.Buffers;
using Amazon.S3.Model;

namespace Longshore.Storage.Blobs;

/// <summary>
/// Appends one piece to an upload: one object, sent whole when it is small, else in parts while more comes in. Memory: one part that fills, and up to
/// <see cref="MaxSending"/> that are being sent, 24 MiB.
/// </summary>
internal sealed class S3BlobWriter : IBlobWriter
{
    /// <summary>Parts being sent at once.</summary>
    public const int MaxSending = 2;

    // Above this, all uploads together, a part is sent before the next one fills.
    private const long Plenty = 512L << 20;

    private const int MaxParts = 10_000;

    private readonly S3BlobStore _store;
    private readonly S3UploadRecord _upload;
    private readonly BytesObserver? _observer;
    private readonly CancellationTokenSource _end = new();
    private readonly List<Task<PartETag>> _parts = [];
    private S3Piece? _piece;
    private Task _recorded = Task.CompletedTask;
    private S3PartBuffer _filling = new();
    private string? _multipart;
    private int _awaited;
    private bool _failed;
    private bool _disposed;

    public S3BlobWriter(S3BlobStore store, S3UploadRecord upload, BytesObserver? observer)
    {
        (_store, _upload, _observer) = (store, upload, observer);
        Length = upload.End;
    }

    /// <inheritdoc/>
    public long Length { get; private set; }

    /// <inheritdoc/>
    public async ValueTask WriteAsync(ReadOnlySequence<byte> bytes, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ThrowIfFailed();
        _failed = true;
        foreach (var segment in bytes)
        {
            for (var rest = segment; !rest.IsEmpty;)
            {
                Begin();
                var taken = _filling.Append(rest.Span);
                _observer?.Invoke(rest.Span[..taken]);
                Length += taken;
                rest = rest[taken..];
                if (_filling.Length < S3PartBuffer.Capacity) continue;
                if (_parts.Count == MaxParts - 1) await FinishPieceAsync(cancellationToken);
                else await SendAsync(cancellationToken);
            }
        }

        _failed = false;
    }

    /// <inheritdoc/>
    public async ValueTask CompleteAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ThrowIfFailed();
        _failed = true;
        if (_piece is not null) await FinishPieceAsync(cancellationToken);
        _failed = false;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_disposed) return;
        _disposed = true;
        await _end.CancelAsync();
        await _recorded.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var part in _parts) await ((Task)part).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _parts.Clear();
        _filling.Dispose();
        if (_multipart is { } open && _piece is { } piece)
        {
            _multipart = null;
            await _store.Objects.TryAbortAsync(S3Layout.DataKey(piece.Id), open);
        }

        if (_piece is not null) _upload.Stale.Add(_piece.Id);
        _piece = null;
        _end.Dispose();
    }

    // The record is on its way while bytes come in, and there before any of them goes out.
    private void Begin()
    {
        if (_piece is not null) return;
        _piece = new S3Piece(_upload.NewId(), Length, -1, Whole: true);
        _recorded = _store.RecordAsync(_upload, _piece, _end.Token);
    }

    private async ValueTask SendAsync(CancellationToken cancellationToken)
    {
        if (_multipart is null)
        {
            await _recorded;
            _multipart = await _store.Objects.BeginAsync(S3Layout.DataKey(_piece!.Id), cancellationToken);
        }

        _parts.Add(SendPartAsync(_multipart, _parts.Count + 1, _filling));
        _filling = new S3PartBuffer();
        var allowed = S3PartBuffer.TotalInUse > Plenty ? 0 : MaxSending;
        while (_parts.Count - _awaited > allowed) await _parts[_awaited++].WaitAsync(cancellationToken);
    }

    private async Task<PartETag> SendPartAsync(string multipart, int number, S3PartBuffer part)
    {
        using (part) return await _store.Objects.PartAsync(S3Layout.DataKey(_piece!.Id), multipart, number, part.OpenRead, part.Length, _end.Token);
    }

    private async ValueTask FinishPieceAsync(CancellationToken cancellationToken)
    {
        var piece = _piece!;
        var key = S3Layout.DataKey(piece.Id);
        var length = Length - piece.Start;
        await _recorded.WaitAsync(cancellationToken);
        if (_multipart is null)
        {
            await _store.Objects.PutAsync(key, _filling.OpenRead, _filling.Length, cancellationToken);
        }
        else
        {
            if (_filling.Length > 0)
            {
                _parts.Add(SendPartAsync(_multipart, _parts.Count + 1, _filling));
                _filling = new S3PartBuffer();
            }

            var sent = new List<PartETag>(_parts.Count);
            foreach (var part in _parts) sent.Add(await part.WaitAsync(cancellationToken));
            await _store.Objects.CompleteAsync(key, _multipart, sent, length, cancellationToken);
        }

        _upload.Pieces.Add(piece with { Length = length });
        _filling.Dispose();
        _filling = new S3PartBuffer();
        _parts.Clear();
        (_piece, _multipart, _awaited) = (null, null, 0);
    }

    private void ThrowIfFailed()
    {
        if (_failed) throw new IOException("An earlier write of this upload failed; open it again at an offset that was completed.");
    }
}
