"""Pictures that people upload. The row is here; the bytes are in the store (see storage.py)."""

from enum import StrEnum
from typing import Any

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from server.foundation.database import IdField, Model, SqlIndex, foreign_key


class PictureState(StrEnum):
    """A row exists before its bytes do and until they are gone, so that no bytes are ever without a row."""

    UPLOADING = "uploading"
    READY = "ready"
    REMOVING = "removing"


class PictureFormat(StrEnum):
    """What we store: JPEG, or PNG where the picture is transparent."""

    JPEG = "jpeg"
    PNG = "png"

    @property
    def content_type(self) -> str:
        return f"image/{self}"


class Variant(StrEnum):
    """The two sizes of each picture, and of one that was blurred. Every address shows the blurred one where there is
    one, but for those of the original; that of BLURRED is another one, so that no phone shows what it saw before."""

    PICTURE = "picture"
    THUMBNAIL = "thumbnail"
    BLURRED = "blurred"
    BLURRED_THUMBNAIL = "blurred_thumbnail"
    ORIGINAL = "original"
    ORIGINAL_THUMBNAIL = "original_thumbnail"


STORED = (Variant.PICTURE, Variant.THUMBNAIL, Variant.BLURRED, Variant.BLURRED_THUMBNAIL)
"""Those of which there are bytes; of the last two only where something is blurred."""


class Picture(Model):
    """One uploaded picture, private to its owner until it is attached to a subject, say ("wish", its id).

    `width` and `height` are pixels of the stored picture; `sha256` and `size_bytes` tell of its bytes. `unused_since`
    tells since when it belongs to nothing: after a day it is removed. `blurred_areas`: what of it is shown to nobody
    (see blurring.py); null where all is shown.
    """

    owner = foreign_key("Person")
    state = fields.CharEnumField(PictureState, max_length=16, default=PictureState.UPLOADING)
    format = fields.CharEnumField(PictureFormat, max_length=8)
    width = fields.IntField()
    height = fields.IntField()
    size_bytes = fields.IntField()
    sha256 = fields.BinaryField()
    subject_kind = fields.CharField(max_length=32, null=True)
    subject_id = IdField(null=True)
    unused_since = fields.DatetimeField(null=True)
    blurred_areas: Any = fields.JSONField(null=True)

    class Meta:
        table = "picture"
        constraints = [
            CheckConstraint(check="(subject_kind IS NULL) = (subject_id IS NULL)", name="picture_subject_whole"),
            CheckConstraint(check="(subject_id IS NULL) = (unused_since IS NOT NULL)", name="picture_used_or_unused"),
            CheckConstraint(check="subject_id IS NULL OR state = 'ready'", name="picture_used_is_ready"),
        ]
        indexes = [
            SqlIndex(name="picture_unused", columns="unused_since", where="unused_since IS NOT NULL"),
            SqlIndex(name="picture_unused_of_owner", columns="owner_id", where="unused_since IS NOT NULL"),
            SqlIndex(name="picture_owner", columns="owner_id, id"),
            SqlIndex(name="picture_subject", columns="subject_id, id", where="subject_id IS NOT NULL"),
        ]
