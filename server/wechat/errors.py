"""What WeChat refuses, as one class for each thing a caller does differently.

The codes are those of the platform's page 全局返回码 and of each API's own page. Every class says whether the same call
may be tried again later; no text here ever holds an openid, a code, a token or a secret.
"""

import re
from typing import ClassVar

_RID = re.compile(r"\s*rid:\s*(\S+)\s*$")


class WeChatError(Exception):
    """The platform refused, or could not be asked. `errcode` is None where there was no answer to read."""

    codes: ClassVar[tuple[int, ...]] = ()
    retriable: ClassVar[bool] = False
    """The same call may be made again after a pause. Where False, it would be refused again, or would happen twice."""

    def __init__(self, errmsg: str = "", errcode: int | None = None, rid: str = "") -> None:
        super().__init__(errmsg if errcode is None else f"{errcode} {errmsg} (rid {rid or 'unknown'})")
        self.errmsg = errmsg
        self.errcode = errcode
        self.rid = rid


class NotSent(WeChatError):
    """No connection could be made, or no token was to be had: the request never left, so nothing has happened."""

    retriable = True


class OutcomeUnknown(WeChatError):
    """The request left and no whole answer came: it may have happened. A send is never repeated after this."""


class TryAgain(WeChatError):
    """-1, the platform is busy. It says to try later: after a pause, never at once."""

    codes: ClassVar[tuple[int, ...]] = (-1,)
    retriable = True


class TooOften(WeChatError):
    """The limit of calls a minute (45011; 44991 for content checks)."""

    codes: ClassVar[tuple[int, ...]] = (45011, 44991)
    retriable = True


class QuotaReached(WeChatError):
    """The limit of calls a day: it opens again at midnight, Shanghai time."""

    codes: ClassVar[tuple[int, ...]] = (45009,)
    retriable = True


class UserBusy(WeChatError):
    """Another message to the same person was under way: send them one at a time."""

    codes: ClassVar[tuple[int, ...]] = (43108,)
    retriable = True


class TokenStale(WeChatError):
    """The access token is wrong, invalid or expired, and a new one did not help."""

    codes: ClassVar[tuple[int, ...]] = (40001, 40014, 42001)
    retriable = True


class NotAllowed(WeChatError):
    """The account, its secret, its addresses or its rights do not allow the call: the operator must act."""

    codes: ClassVar[tuple[int, ...]] = (40002, 40013, 40125, 40164, 41001, 48001, 50002, 43107)


class CodeInvalid(WeChatError):
    """The login or phone code is not valid (or no longer: it lives five minutes)."""

    codes: ClassVar[tuple[int, ...]] = (40029,)


class CodeUsed(CodeInvalid):
    """The code has been used once already."""

    codes: ClassVar[tuple[int, ...]] = (40163,)


class UserBlocked(WeChatError):
    """WeChat takes this person for a high risk and does not sign them in."""

    codes: ClassVar[tuple[int, ...]] = (40226,)


class OpenidInvalid(WeChatError):
    """The openid is wrong, or belongs to another mini-program."""

    codes: ClassVar[tuple[int, ...]] = (40003, 43104)


class NoGrant(WeChatError):
    """The person has no unused accept for this template."""

    codes: ClassVar[tuple[int, ...]] = (43101,)


class RequestInvalid(WeChatError):
    """The request breaks a rule of the API: a fault of ours, so trying again is of no use."""

    codes: ClassVar[tuple[int, ...]] = (40004, 40066, 40097, 40129, 40169, 44002, 47001)


class PageInvalid(RequestInvalid):
    """The page is not in the published mini-program."""

    codes: ClassVar[tuple[int, ...]] = (41030,)


class TemplateUnknown(RequestInvalid):
    """The template id is not one of this mini-program's."""

    codes: ClassVar[tuple[int, ...]] = (40037,)


class FieldRejected(RequestInvalid):
    """A field of a subscribe message breaks the rule of its type; `errmsg` names it."""

    codes: ClassVar[tuple[int, ...]] = (47003,)


class WordingRefused(WeChatError):
    """The message holds a word that WeChat does not pass on."""

    codes: ClassVar[tuple[int, ...]] = (45168,)


class UserInactive(WeChatError):
    """Contents are only checked for people who used the mini-program within two hours."""

    codes: ClassVar[tuple[int, ...]] = (61010,)


class SessionKeyStale(WeChatError):
    """The session_key is no longer this person's."""

    codes: ClassVar[tuple[int, ...]] = (87009,)


class EncryptedDataInvalid(WeChatError):
    """encryptedData that does not open, is not ours, or is too old."""


class ContentTooLarge(WeChatError):
    """The text or picture is larger than the platform checks."""

    codes: ClassVar[tuple[int, ...]] = (40006, 45002)


def _subclasses(of: type[WeChatError]) -> list[type[WeChatError]]:
    return [of, *(found for child in of.__subclasses__() for found in _subclasses(child))]


_BY_CODE = {code: kind for kind in _subclasses(WeChatError) for code in kind.codes}


def error_for(errcode: int, errmsg: str) -> WeChatError:
    """The typed error for an answer's errcode and errmsg; an unknown code gives a plain WeChatError."""
    found = _RID.search(errmsg)
    rid = found.group(1) if found else ""
    return _BY_CODE.get(errcode, WeChatError)(_RID.sub("", errmsg), errcode, rid)
