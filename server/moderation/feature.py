"""What content checks give, and what there is to check."""

from server.background.outbox import Effect
from server.foundation.feature import Feature
from server.moderation import checks, overdue, personal_copy, service
from server.wechat import push

FEATURE = Feature(
    models=("server.moderation.models",),
    sweeps=(overdue.HOLD_OVERDUE_CHECKS,),
    effects={
        service.CHECK_TEXT: Effect(checks.check_text, repeatable=True, ended=checks.end_check),
        service.CHECK_PICTURE: Effect(checks.check_picture, repeatable=True, ended=checks.end_check),
        service.TELL_VERDICT: Effect(service.tell_verdict, repeatable=True),
    },
    push_handlers={push.PictureVerdict: checks.take_picture_verdict},
    mergers=(service.move_checks,),
    personal_copy=personal_copy.SHEETS,
    takes={"texts": service.TEXTS, "verdicts": service.VERDICTS},
)
