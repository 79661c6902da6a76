from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from server.foundation.database import IdField, Model, SqlIndex, foreign_key
from server.foundation.words import Worded


class Direction(Worded):
    """Coming or leaving; each has a code of its own."""

    IN = "in", "签到"
    OUT = "out", "签退"


class AttendanceMethod(Worded):
    """How we know that somebody came or left: the shift's rotating code, their phone's place, a scanner that read their
    pass, the leader's list; or only the rule for who forgot to clock out."""

    CODE = "code", "扫活动码"
    PLACE = "place", "定位"
    SCANNER = "scanner", "出示凭证"
    LEADER = "leader", "负责人登记"
    RULE = "rule", "未签退，按结束时间计"


class Attendance(Model):
    """That somebody came to a shift and left again, and how we know; `sign_out_method` `rule` flags a forgotten one.

    It is evidence; what counts is in Hours.
    """

    sign_up = foreign_key("SignUp", unique=True)
    sign_up_id: str
    sign_in_at = fields.DatetimeField()
    sign_in_method = fields.CharEnumField(AttendanceMethod, max_length=16)
    sign_out_at = fields.DatetimeField(null=True)
    sign_out_method = fields.CharEnumField(AttendanceMethod, max_length=16, null=True)

    class Meta:
        table = "attendance"
        constraints = [
            CheckConstraint(check="sign_out_at IS NULL OR sign_out_at >= sign_in_at", name="attendance_in_before_out"),
            CheckConstraint(
                check="(sign_out_at IS NULL) = (sign_out_method IS NULL)", name="attendance_sign_out_has_a_method"
            ),
            CheckConstraint(check="sign_in_method <> 'rule'", name="attendance_nobody_comes_by_rule"),
        ]


class ShiftScan(Model):
    """An attempt to sign somebody in or out; refused ones with the reason's code, and kept all the same.

    `person_id` is whose attendance it was about (unknown where a pass could not be read), `by_id` who did it,
    `scanned_at` when, by their own clock, where the phone was offline. A `nonce` is the scanner's own number for a
    scan: sent again, it is answered as the first time. `meters`: how far from the place the phone was.
    """

    shift = foreign_key("Shift")
    sign_up_id = IdField(null=True)
    person_id = IdField(null=True)
    by_id = IdField()
    direction = fields.CharEnumField(Direction, max_length=4)
    method = fields.CharEnumField(AttendanceMethod, max_length=16)
    scanned_at = fields.DatetimeField()
    nonce = fields.CharField(max_length=64, null=True)
    meters = fields.IntField(null=True)
    refusal = fields.CharField(max_length=32, default="")

    class Meta:
        table = "shift_scan"
        indexes = [
            SqlIndex(name="shift_scan_shift", columns="shift_id, id"),
            SqlIndex(name="shift_scan_nonce", columns="shift_id, by_id, nonce", where="nonce IS NOT NULL", unique=True),
            SqlIndex(name="shift_scan_age", columns="created_at"),
            SqlIndex(name="shift_scan_person", columns="person_id, id"),
        ]
