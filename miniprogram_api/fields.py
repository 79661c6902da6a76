"""Types of requests that several files have in common: fields, and the bodies and queries made of nothing else.

What a service takes as a Struct of its own brings its fields along.
"""

from datetime import date
from typing import Annotated

import msgspec

from server.foundation.bounds import RequiredText, Version
from server.foundation.ids import Id
from server.foundation.pages import PageQuery

Reason = Annotated[RequiredText, msgspec.Meta(max_length=200)]
"""Why."""
ShownReason = Annotated[RequiredText, msgspec.Meta(max_length=100, description="told to those concerned")]
"""Why a booking or an opening hour falls away: short enough for a WeChat message."""
Statement = Annotated[RequiredText, msgspec.Meta(max_length=500)]
"""What somebody has to say, and must."""
Words = Annotated[str, msgspec.Meta(max_length=500)]
"""What somebody may add."""
Note = Annotated[str, msgspec.Meta(max_length=200)]
"""A short remark that may be left out."""
LongText = Annotated[RequiredText, msgspec.Meta(max_length=1000)]
RealName = Annotated[RequiredText, msgspec.Meta(max_length=40)]
ShortName = Annotated[RequiredText, msgspec.Meta(max_length=40)]
"""Of a thing."""
Phone = Annotated[str, msgspec.Meta(min_length=7, max_length=20)]
PhoneIfAny = Annotated[str, msgspec.Meta(max_length=20)]
RealNameIfAny = Annotated[str, msgspec.Meta(max_length=40)]
HomeAddress = Annotated[str, msgspec.Meta(max_length=120)]
TextVersion = Annotated[RequiredText, msgspec.Meta(max_length=16)]
"""Of the text that somebody consents to."""
ScannedText = Annotated[RequiredText, msgspec.Meta(max_length=200, description="what the QR code says")]
SignedCode = Annotated[RequiredText, msgspec.Meta(max_length=128, description="what the code shown says")]

Year = Annotated[int, msgspec.Meta(ge=2000, le=2200)]
Days = Annotated[int, msgspec.Meta(ge=1, le=31)]
Period = Annotated[str, msgspec.Meta(pattern=r"^20[0-9]{2}H[12]$(?!\n)", description="2026H1：2026年上半年")]

PartySize = Annotated[int, msgspec.Meta(ge=1, le=1000)]


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    """What a request brings: a field that it does not have is refused."""


class WithReason(Strict):
    reason: Reason


class WithVersion(Strict):
    version: Version
    """The one that was read: what was edited since does not take effect unseen."""


class OfOrganization(Strict):
    organization_id: Id


class ByName(Strict):
    """Somebody's whole name, as it was given; it stays out of addresses, and so out of logs."""

    organization_id: Annotated[Id, msgspec.Meta(description="the organization whose subtree is looked at")]
    real_name: RealName


class OrganizationPage(PageQuery):
    organization_id: Annotated[Id, msgspec.Meta(description="the organization whose subtree is looked at")]


class OfDays(OfOrganization, kw_only=True):
    """From day to day, both included; a year at most."""

    first_day: date
    last_day: date


class DutiesQuery(Strict):
    first_day: date | None = None
    days: Days = 7
