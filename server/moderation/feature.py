"""What content checks give, and what there is to check."""

from server.background.outbox import Effect
from server.foundation.feature import Feature
from server.moderation import checks, desk, overdue, personal_copy, verdicts
from server.wechat import push

FEATURE = Feature(
    models=("server.moderation.models",),
    sweeps=(overdue.HOLD_OVERDUE_CHECKS,),
    effects={
        verdicts.CHECK_TEXT: Effect(checks.check_text, repeatable=True, ended=checks.end_check),
        verdicts.CHECK_PICTURE: Effect(checks.check_picture, repeatable=True, ended=checks.end_check),
        verdicts.TELL_VERDICT: Effect(verdicts.tell_verdict, repeatable=True),
    },
    push_handlers={push.PictureVerdict: checks.take_picture_verdict},
    mergers=(verdicts.move_checks,),
    personal_copy=personal_copy.SHEETS,
    takes={"texts": verdicts.TEXTS, "verdicts": verdicts.VERDICTS},
    desk=desk.QUEUES,
)
