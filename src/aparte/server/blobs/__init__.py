"""Encrypted attachments over HTTP: resumable uploads (tus 1.0.0), ranged downloads, erasure. The host reads none.

`BlobService` decides, `blob_routes` speaks HTTP; the index and the folder of files are given to them.
"""

from aparte.server.blobs.admission import Admission, SpendTicket
from aparte.server.blobs.errors import Refusal, Refused
from aparte.server.blobs.files import BlobFiles
from aparte.server.blobs.index import Blob, BlobId, BlobIndex, Unfinished, Upload, UploadId
from aparte.server.blobs.limits import DEFAULT_LIMITS, Limits
from aparte.server.blobs.recovery import Recovered
from aparte.server.blobs.routes import blob_routes
from aparte.server.blobs.schema import SCHEMA
from aparte.server.blobs.service import BlobService, Swept
from aparte.server.blobs.sqlite_index import SqliteBlobIndex
from aparte.server.blobs.workshop import Surroundings

__all__ = [
    "DEFAULT_LIMITS",
    "SCHEMA",
    "Admission",
    "Blob",
    "BlobFiles",
    "BlobId",
    "BlobIndex",
    "BlobService",
    "Limits",
    "Recovered",
    "Refusal",
    "Refused",
    "SpendTicket",
    "SqliteBlobIndex",
    "Surroundings",
    "Swept",
    "Unfinished",
    "Upload",
    "UploadId",
    "blob_routes",
]
