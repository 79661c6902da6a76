"""What a request can be refused with. A refusal is a fact with a name (`ShiftFull`), and knows how it is told.

Features subclass Refusal; `http.py` turns every refusal into an RFC 9457 problem. `code` is stable and for programs,
`title` is Chinese and for people.
"""

from typing import Any, ClassVar

import msgspec


class FieldProblem(msgspec.Struct, frozen=True):
    """One field that cannot be accepted: its path (`places.0.name`) and, in Chinese, why."""

    field: str
    problem: str


class Refusal(Exception):
    """Base of every answer that is not the one asked for. `detail` adds, in Chinese, what this case needs.

    `facts` are extra members of the problem document, for programs (a position, a limit, a time).
    """

    code: ClassVar[str] = "refused"
    title: ClassVar[str] = "无法完成操作"
    status: ClassVar[int] = 409
    retry_after: int = 0
    """Seconds after which to try again, told as Retry-After; 0 where that would not help."""

    def __init__(
        self, detail: str = "", *, errors: list[FieldProblem] | None = None, retry_after: int = 0, **facts: Any
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.errors = errors or []
        self.retry_after = retry_after or self.retry_after
        self.facts = facts


class BadRequest(Refusal):
    code, title, status = "bad_request", "请求格式有误", 400


class InvalidFields(Refusal):
    code, title, status = "invalid_fields", "填写的内容有误", 422

    @classmethod
    def of(cls, field: str, problem: str) -> "InvalidFields":
        """The refusal of a single field."""
        return cls(errors=[FieldProblem(field, problem)])


class NotSignedIn(Refusal):
    code, title, status = "not_signed_in", "请先登录", 401


class NotAllowed(Refusal):
    code, title, status = "not_allowed", "您没有权限进行此操作", 403


class NotFound(Refusal):
    """Also the answer about someone else's private thing: that it exists is not told."""

    code, title, status = "not_found", "内容不存在或已不可见", 404


class MethodNotAllowed(Refusal):
    code, title, status = "method_not_allowed", "不支持的请求方式", 405


class TooLarge(Refusal):
    code, title, status = "too_large", "上传的内容过大", 413


class UnsupportedType(Refusal):
    code, title, status = "unsupported_type", "不支持的内容类型", 415


class EditedMeanwhile(Refusal):
    """The caller's `version` is no longer the current one."""

    code, title, status = "edited_meanwhile", "内容已被他人修改，请刷新后重试", 409


class WrongState(Refusal):
    """The thing is not in a state that allows this step."""

    code, title, status = "wrong_state", "当前状态不能进行此操作", 409


class IdempotencyKeyReused(Refusal):
    code, title, status = "idempotency_key_reused", "同一幂等键已用于不同的请求", 409


class TooManyRequests(Refusal):
    code, title, status = "too_many_requests", "操作过于频繁，请稍后再试", 429
    retry_after = 60


class Unavailable(Refusal):
    """Something that the request needs (WeChat, the database) does not answer now."""

    code, title, status = "unavailable", "服务暂时不可用，请稍后再试", 503
    retry_after = 5


class Busy(Unavailable):
    """All connections to the database are in use, and too many wait for one already, or for too long."""


class InternalError(Refusal):
    code, title, status = "internal_error", "服务器出现错误，我们已记录", 500
