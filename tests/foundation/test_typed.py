"""What people type comes to one form; the samples are from public reports on systems that do the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.foundation.errors import InvalidFields
from server.foundation.typed import name_key, organization_key, person_name, phone_number, seen_text

PHONES = {
    "１６０１００００００１": "16010000001",
    "8616010000002": "16010000002",
    "86-16010000003": "16010000003",
    "86 160 1000 0004": "16010000004",
    "+86 (160) 1000.0004": "16010000004",
    "0086 160-1000-0004": "16010000004",
    "١٦٠١٠٠٠٠٠٠٥": "16010000005",
    "00852 9123 4567": "+85291234567",
    "+1 202 555 0123": "+12025550123",
    "\u202d16030000001\u202c": "16030000001",
    "\u200b16030000002\ufeff": "16030000002",
    "(0631) 522 1234": "06315221234",
    "010—12345678": "01012345678",
    "5221234": "5221234",
    "400-123-4567": "4001234567",
}
NO_PHONES = [
    "",
    "12345",
    "1381234567",
    "138123456789",
    "电话",
    "abc13800001111",
    "13800001111 转 5",
    "+85212",
    "+999123456789",
]


@pytest.mark.parametrize(("typed", "number"), PHONES.items())
def test_phones(typed: str, number: str) -> None:
    assert phone_number(typed) == number
    assert phone_number(number) == number


@pytest.mark.parametrize("typed", NO_PHONES)
def test_what_is_no_phone(typed: str) -> None:
    with pytest.raises(InvalidFields) as refused:
        phone_number(typed, "contact.phone")
    assert refused.value.errors[0].field == "contact.phone"


NAMES = {
    **{f"古丽{dot}艾山": "古丽·艾山" for dot in "・･‧⋅∙.．•·"},
    "古丽 · 艾山": "古丽·艾山",
    "王 敏": "王敏",
    "王　敏": "王敏",
    "\ufeff隐丁": "隐丁",
    "隐戊\u2060": "隐戊",
    "John  Smith ": "John Smith",
    "J. R. Smith": "J. R. Smith",
    "Nguyễn Văn Đức": "Nguyễn Văn Đức",
    "𠮷野": "𠮷野",
}


@pytest.mark.parametrize(("typed", "name"), NAMES.items())
def test_names(typed: str, name: str) -> None:
    assert person_name(typed) == name
    assert person_name(name) == name


@pytest.mark.parametrize("typed", ["", " ", "\u200b", "\u3164", "\u2800", "\u0007", "\u200b\u3000", "名" * 41])
def test_what_is_no_name(typed: str) -> None:
    with pytest.raises(InvalidFields):
        person_name(typed)


def test_a_name_is_the_same_whatever_its_spaces() -> None:
    assert name_key("John Smith") == name_key("JohnSmith")
    assert name_key("John Smith") != name_key("Jon Smith")


def test_brackets_of_either_width_are_the_same() -> None:
    assert organization_key("机关党委（第二支部）") == organization_key(" 机关党委 (第二支部)")
    assert organization_key("机关党委（第二支部）") != organization_key("机关党委第二支部")


@given(st.text(max_size=60))
def test_one_form_is_its_own_form(typed: str) -> None:
    assert seen_text(seen_text(typed)) == seen_text(typed)
    for into in (person_name, phone_number, name_key):
        try:
            form = into(typed)
        except InvalidFields:
            continue
        assert into(form) == form


@given(
    st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True),
    st.sampled_from(["", "86", "+86", "0086", "+86 ", "86-"]),
    st.data(),
)
def test_a_mobile_has_eleven_digits_whatever_the_way_in(number: str, before: str, data: st.DataObject) -> None:
    marks = ["", " ", "-", "\u200b", "\u202d", "\ufeff"]
    typed = "".join(digit + data.draw(st.sampled_from(marks)) for digit in number)
    assert phone_number(before + typed) == number
