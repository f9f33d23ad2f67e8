"""At start: make the index and the files agree again after a crash. No transfer may be running.

Every write goes file first, index second, and every removal index first, file second; so a crash leaves too many
bytes or too many files, and both are dropped: nobody was told of them. The one state that is completed instead is a
file that was moved to its place before the index followed: it is whole and durable. A file shorter than the index
says is beyond that (a failing disk, an older copy of the files); the upload then goes back to what is there.
"""

from __future__ import annotations

from dataclasses import dataclass

from aparte.server.blobs.expiry import blob_expiry
from aparte.server.blobs.files import BlobFiles
from aparte.server.blobs.index import BlobIndex, Upload

__all__ = ["Recovered", "recover"]


@dataclass(frozen=True, slots=True)
class Recovered:
    """What had to be done."""

    #: Uploads whose last step was taken for them.
    finished: int = 0
    #: Uploads with bytes that nobody was told of.
    cut: int = 0
    #: Uploads that had to go back behind what was acknowledged: look at the disk.
    damaged: int = 0
    #: Files that belong to nothing.
    orphans: int = 0


def recover(index: BlobIndex, files: BlobFiles, *, now: int) -> Recovered:
    """Blocks; runs in the index's thread."""
    outcomes = [_mend(upload, index, files=files, now=now) for upload in index.unfinished_uploads()]
    orphans = 0
    # Lists before removal: a folder that changes under a scan may show a name twice or not at all.
    for upload_id in list(files.uploads()):
        upload = index.upload(upload_id)
        if upload is None or upload.finished:
            files.drop_upload(upload_id)
            orphans += 1
    for blob_id in [blob_id for blob_id in files.blobs() if index.blob(blob_id) is None]:
        files.drop_blob(blob_id)
        orphans += 1
    return Recovered(outcomes.count("finished"), outcomes.count("cut"), outcomes.count("damaged"), orphans)


def _mend(upload: Upload, index: BlobIndex, *, files: BlobFiles, now: int) -> str:
    if files.blob_size(upload.blob_id) == upload.size:
        index.finish(upload.upload_id, blob_expiry(now, upload.keep_days))
        return "finished"
    size = files.upload_size(upload.upload_id) or 0
    if size > upload.received:
        files.cut_upload(upload.upload_id, upload.received)
        return "cut"
    if size < upload.received:
        index.advance(upload.upload_id, size)
        return "damaged"
    return "intact"
