"""Every errcode that the platform documents for what we call: a typed error, and a test of what our side does then.

PAGE is what the platform's pages list (checked by hand when it changes); the other tables are the parameters of the
tests that show our side's behaviour, so a code that has no row there fails here.
"""

from server.wechat import errors
from tests.accounts.test_sign_in import LOGIN_ANSWERS, PHONE_ANSWERS, SESSION_CODES
from tests.media.test_mini_codes import REFUSALS
from tests.moderation.test_checks import HELD_CODES, PASSING_CODES
from tests.notifications import test_delivery
from tests.wechat.test_client import DOCUMENTED, PATHS, REFUSED_TOKENS, TOKEN_PATH, check_session

PAGE = {
    "/sns/jscode2session": {-1, 40029, 40163, 40226, 45011},
    TOKEN_PATH: {40001, 40002, 40013, 40125, 40164, 45009, 45011},
    "/wxa/business/getuserphonenumber": {-1, 40013, 40029, 45011},
    "/cgi-bin/message/subscribe/send": {-1, 40003, 40037, 41030, 43101, 43107, 43108, 45009, 45168, 47003},
    "/wxa/getwxacodeunlimit": {40097, 40129, 40169, 41030, 45011},
    "/wxa/msg_sec_check": {40003, 43104, 44991, 45009, 61010},
    "/wxa/media_check_async": {40004, 61010},
    "/wxa/checksession": {87009},
}
ANYWHERE = {-1, 40001, 40014, 41001, 42001, 48001, 50002}
"""With any call that carries an access token."""
STALE = {40001, 40014, 42001}
"""Followed by one new token and one more call: see test_client and test_tokens."""
WITHOUT_TOKEN = ("/sns/jscode2session", TOKEN_PATH)

OTHERS = {
    40006: "a picture larger than the platform checks",
    40066: "an address it cannot use",
    44002: "an empty body",
    45002: "a text longer than the platform checks",
    47001: "a body that is no JSON",
}
"""From the platform's general list: nothing that we send should meet them, and they are faults of ours if it does."""

SHOWN: dict[str, set[int]] = {
    "/sns/jscode2session": {code for code, _ in LOGIN_ANSWERS},
    # Anyone who calls gets the token's error as its own: nothing has been sent.
    TOKEN_PATH: {code for code, _ in REFUSED_TOKENS},
    "/wxa/business/getuserphonenumber": {code for code, _ in PHONE_ANSWERS} | STALE,
    "/cgi-bin/message/subscribe/send": {row[0]["errcode"] for row in test_delivery.TABLE if "errcode" in row[0]},
    "/wxa/getwxacodeunlimit": set(REFUSALS),
    "/wxa/msg_sec_check": {*HELD_CODES, *PASSING_CODES},
    "/wxa/media_check_async": {*HELD_CODES, *PASSING_CODES},
    "/wxa/checksession": {*SESSION_CODES, 87009} | STALE,
}
"""Path → the codes for which a test shows what becomes of the request, the message or the content."""


def documented() -> set[tuple[str, int]]:
    return {
        (path, code) for path, codes in PAGE.items() for code in codes | (set() if path in WITHOUT_TOKEN else ANYWHERE)
    }


def test_every_documented_code_is_a_typed_error_and_no_other_is_known() -> None:
    known = {code for kind in errors._subclasses(errors.WeChatError) for code in kind.codes}
    assert known == {code for _, code in documented()} | set(OTHERS)


def test_every_documented_answer_of_an_api_has_a_test_of_its_error() -> None:
    tested = {(PATHS[call], code) for call, code, _ in DOCUMENTED}
    tested |= {(TOKEN_PATH, code) for code, _ in REFUSED_TOKENS} | {(PATHS[check_session], 87009)}
    # What may come anywhere is tested with one call: the class does not depend on the call.
    missing = {(path, code) for path, codes in PAGE.items() for code in codes} - tested
    assert missing == set()
    assert {code for _, code in tested} >= ANYWHERE - STALE


def test_every_documented_answer_has_a_test_of_what_our_side_does() -> None:
    assert {(path, code) for path, code in documented() if code not in SHOWN[path]} == set()
