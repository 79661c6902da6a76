"""What people type 输入, brought to one form: forms, rosters, search and comparison all pass through here.

Phones' contacts put invisible marks around a number, input methods write it full-width or in another script, keyboards
have a dozen middle dots for the names of minorities (any86/any-rule 294, 297), and Excel adds what nobody sees.
"""

import re
import unicodedata

import phonenumbers

from server.foundation.bounds import SOMETHING_SEEN
from server.foundation.errors import InvalidFields

NAME_LENGTH = 40
_SEEN = re.compile(SOMETHING_SEEN)
_DOTS = str.maketrans(dict.fromkeys("•・･‧⋅∙．ᐧ●⸱⸳·・", "·"))
_HAN = "\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003fffd"
_POINT_IN_NAME = re.compile(f"(?<=[{_HAN}])\\.(?=[{_HAN}])")
_BLANK_IN_NAME = re.compile(f"(?<=[{_HAN}·]) (?=[{_HAN}·])")
_BRACKETS = str.maketrans("（）［］【】", "()[][]")
_NUMBER = re.compile(r"\+?[(]?[0-9][0-9 ().-]*")
_MOBILE = re.compile(r"1[3-9]\d{9}")
_NEARLY_MOBILE = re.compile(r"1[3-9]\d{7,10}")
_LANDLINE = re.compile(r"[2-8]\d{6,7}|[2-9]\d{8,10}|10\d{8}")
"""A local number, or one with its area code (Beijing's is 10), or one of the 400 numbers."""
_NO_NUMBER = "手机号格式不正确"
_CHINESE_DIGITS = dict(zip("〇零一二三四五六七八九幺壹贰叁肆伍陆柒捌玖", "001234567891123456789", strict=True))
_GAP = r"[ .\-_·/()]{0,2}"
_PUBLIC_NUMBER = re.compile(
    # A mobile number in the usual groups, or in others with one sign between them; a landline; an identity card's.
    rf"(?<!\d)(?:(?:(?:00)?86{_GAP})?(?:1[3-9]\d(?:{_GAP}\d{{4}}){{2}}"
    r"|1[3-9]\d\d([ .\-_·/])(?:\d{4}\1\d{3}|\d{3}\1\d{4})|1[3-9]\d{3}([ .\-_·/])(?:\d{6}|\d{3}\2\d{3})"
    r"|1([ .\-_·/])[3-9](?:\3\d){9})"
    rf"|0\d{{2,3}}{_GAP}[2-9]\d{{2,3}}{_GAP}\d{{4}}"
    rf"|\d{{6}}{_GAP}\d{{4}}{_GAP}\d\d{_GAP}\d\d{_GAP}\d{{3}}{_GAP}[\dXx])(?!\d)"
)
_CHINA = re.compile(r"(?:\+|00)?86(?=1[3-9]\d{9}$)")


def seen_text(text: str) -> str:
    """Without what nobody sees (marks of direction, zero widths, fillers, control characters); blanks as one space, and
    none at the ends."""
    blanks = " ".join(text.split())
    return " ".join("".join(c for c in blanks if c == " " or _SEEN.match(c)).split())


def person_name(name: str, field: str = "real_name") -> str:
    """A person's name as it is stored and shown: one kind of middle dot, no space between Chinese characters, those of
    Latin names as written. Raises InvalidFields where nothing is left, or too much."""
    written = _POINT_IN_NAME.sub("·", seen_text(name).translate(_DOTS))
    written = _BLANK_IN_NAME.sub("", written)
    if not 1 <= len(written) <= NAME_LENGTH or not _SEEN.search(written):
        raise InvalidFields.of(field, "请填写真实姓名")
    return written


def name_key(name: str) -> str:
    """By which names are the same: without spaces, since `JohnSmith` in a roster is `John Smith`. Raises
    InvalidFields."""
    return person_name(name).replace(" ", "")


def phone_number(phone: str, field: str = "phone") -> str:
    """One number in one form: 11 digits for a mobile of the mainland, whatever the way in, area code and number for a
    landline there, E.164 for what is elsewhere. Raises InvalidFields."""
    plain = unicodedata.normalize("NFKC", seen_text(phone)).replace("‐", "-").replace("–", "-").replace("—", "-")
    digits = "".join(str(unicodedata.digit(c)) if c.isdigit() else c for c in plain)
    if not _NUMBER.fullmatch(digits):
        raise InvalidFields.of(field, _NO_NUMBER)
    bare = _CHINA.sub("", re.sub(r"[ ().-]", "", digits))
    if _MOBILE.fullmatch(bare):
        return bare
    if _NEARLY_MOBILE.fullmatch(bare):
        raise InvalidFields.of(field, "手机号应为 11 位")
    try:
        number = phonenumbers.parse(bare, "CN")
    except phonenumbers.NumberParseException:
        raise InvalidFields.of(field, _NO_NUMBER) from None
    if number.country_code != 86:
        if not phonenumbers.is_possible_number(number):
            raise InvalidFields.of(field, _NO_NUMBER)
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not _LANDLINE.fullmatch(str(number.national_number)):
        raise InvalidFields.of(field, _NO_NUMBER)
    return re.sub(r"\D", "", phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL))


def require_no_number(name: str, public: str) -> None:
    """Raises InvalidFields where a text that others will read holds somebody's phone or identity number, however it is
    written: in groups, in digits of any width and script or Chinese ones, with marks that nobody sees."""
    plain = unicodedata.normalize("NFKC", public)
    seen = (c for c in plain if unicodedata.category(c) not in ("Cf", "Mn", "Me"))
    digits = "".join(str(unicodedata.digit(c)) if c.isdigit() else _CHINESE_DIGITS.get(c, c) for c in seen)
    if _PUBLIC_NUMBER.search(digits):
        raise InvalidFields.of(name, "请不要写出电话、身份证等号码")


def organization_key(name: str) -> str:
    """By which names of organizations are the same: brackets of either width, no spaces."""
    return seen_text(name).translate(_BRACKETS).replace(" ", "")
