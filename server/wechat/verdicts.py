"""What the platform thinks of a content, read so that doubt never passes.

Sources: 文本内容安全识别 and 音视频内容安全识别, version 2.
"""

from enum import StrEnum

import msgspec


class Suggest(StrEnum):
    """What the platform advises for a content. Whatever it says that we don't know counts as review."""

    PASS = "pass"  # noqa: S105
    REVIEW = "review"
    RISKY = "risky"


LABELS = {
    100: "正常",
    10001: "广告",
    20001: "时政",
    20002: "色情",
    20003: "辱骂",
    20006: "违法犯罪",
    20008: "欺诈",
    20012: "低俗",
    20013: "版权",
    21000: "其他",
}


class Verdict(msgspec.Struct, frozen=True):
    suggest: Suggest
    label: int
    trace_id: str

    @property
    def reason(self) -> str:
        """The label in Chinese, for people."""
        return LABELS.get(self.label, "其他")


def read_result(result: object) -> tuple[Suggest, int]:
    """suggest and label of a verdict, failing closed: anything that is not clearly pass or risky is review."""
    if not isinstance(result, dict):
        return Suggest.REVIEW, 0
    try:
        suggest = Suggest(str(result.get("suggest")))
    except ValueError:
        suggest = Suggest.REVIEW
    try:
        label = int(result.get("label", 0))
    except (TypeError, ValueError):
        label = 0
    return suggest, label
