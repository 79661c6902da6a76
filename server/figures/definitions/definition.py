"""What a figure is."""

import msgspec

from server.foundation.words import Worded


class Kind(Worded):
    """How a figure is made of its two sums: the first alone, their share in a hundred, or their mean."""

    COUNT = "count", "总数"
    SHARE = "share", "比率"
    MEAN = "mean", "平均"


class Better(Worded):
    """Which way is better; communities are ranked by nothing else."""

    MORE = "more", "越高越好"
    LESS = "less", "越低越好"
    NEITHER = "neither", "不分高低"


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """A figure, and the one place that says what counts.

    `sql` selects the rows: `id`, `subject_id` (whose word tells a row apart), `organization_id`, `at` (when it
    happened), `numerator`, `denominator` and `excluded`, each row's part of the sums. Where something is recorded
    afterwards (`is_told_late`), `known` is since when it is. A state (`is_state`) is looked at at the moment MOMENT
    instead, and needs no time. Of what counts persons (`is_distinct`), `id` is the person, who counts once.

    `subject` is the kind of thing and the word that name a row (notifications/rendering.py). `scale` divides what is
    shown: minutes as hours. `about_people`: nobody may be told from it, so that no cell has less than five.
    """

    code: str
    words: str
    unit: str
    what_counts: str
    source: str
    sql: str
    subject: tuple[str, str]
    leaves_out: str = ""
    kind: Kind = Kind.COUNT
    better: Better = Better.MORE
    scale: int = 1
    is_state: bool = False
    is_distinct: bool = False
    is_told_late: bool = False
    about_people: bool = False


BEGIN, END, FREEZE, NOW = "$1::timestamptz", "$2::timestamptz", "$3::timestamptz", "$4::timestamptz"
"""SQL: a month's beginning and end, when it is frozen, and now."""
MOMENT = f"LEAST({END}, {NOW})"
"""SQL: when a state is looked at."""
MOMENT_DAY = f"({MOMENT} AT TIME ZONE 'Asia/Shanghai')::date"
