"""The subscribe templates that Linli sends, declared once: name → what it is called and what its fields mean.

They are chosen in the platform's template library (小程序后台 → 订阅消息) with these keywords in this order; their ids
go into WECHAT_TEMPLATES as `name=id,name=id`. Which event uses which template is decided in notifications.
"""

import base64
import hashlib
from collections.abc import Mapping

import msgspec

from server.foundation.settings import Settings, parse_templates
from server.wechat.message_fields import FieldInvalid, clean_fields


class Template(msgspec.Struct, frozen=True):
    name: str
    title: str
    fields: dict[str, str]
    """key → what the person reads before the value; at most five."""


TEMPLATES = (
    Template("review_result", "审核结果通知", {"thing1": "事项", "phrase2": "结果", "time3": "时间", "thing4": "说明"}),
    Template("wish_progress", "心愿进度通知", {"thing1": "心愿", "phrase2": "进度", "time3": "时间", "thing4": "说明"}),
    Template("activity_reminder", "活动提醒", {"thing1": "活动", "time2": "时间", "thing3": "地点", "thing4": "提示"}),
    Template("place_free", "候补通知", {"thing1": "项目", "time2": "确认截止", "thing3": "地点", "thing4": "提示"}),
    Template(
        "booking_notice",
        "预约通知",
        {"thing1": "服务", "time2": "时间", "thing3": "地点", "phrase4": "状态", "thing5": "说明"},
    ),
    Template("service_report", "服务反馈", {"thing1": "事项", "time2": "时间", "thing3": "说明"}),
    Template(
        "announcement", "社区公告通知", {"thing1": "标题", "thing2": "发布单位", "time3": "时间", "thing4": "内容摘要"}
    ),
    Template("inbox_digest", "未读消息提醒", {"number1": "未读条数", "time2": "时间", "thing3": "说明"}),
)
BY_NAME = {template.name: template for template in TEMPLATES}


class TemplateIds:
    """The ids of the templates in this deployment, both ways round."""

    def __init__(self, settings: Settings) -> None:
        """Raises ValueError when WECHAT_TEMPLATES names a template that does not exist or, in production, lacks one."""
        given = parse_templates(settings.wechat_templates)
        unknown = sorted(given.keys() - BY_NAME.keys())
        missing = sorted(BY_NAME.keys() - given.keys())
        if unknown:
            raise ValueError(f"WECHAT_TEMPLATES: there are no templates {', '.join(unknown)}")
        if missing and settings.is_production:
            raise ValueError(f"WECHAT_TEMPLATES: production needs the ids of {', '.join(missing)} too")
        self._ids = {name: given.get(name) or made_up_id(settings.wechat_appid, name) for name in BY_NAME}
        self._names = {template_id: name for name, template_id in self._ids.items()}

    def __getitem__(self, name: str) -> str:
        return self._ids[name]

    def find(self, template_id: str) -> Template | None:
        """The template with this id, or None where it is not one of ours."""
        name = self._names.get(template_id)
        return BY_NAME[name] if name else None

    def all(self) -> dict[str, str]:
        """name → id."""
        return dict(self._ids)


def fill_template(name: str, values: Mapping[str, object]) -> dict[str, str]:
    """A message's fields from this template, cleaned. Raises FieldInvalid when one is missing, unknown or unfit."""
    template = BY_NAME[name]
    for key in template.fields.keys() ^ values.keys():
        raise FieldInvalid(key, f"the template {name} has exactly the fields {', '.join(template.fields)}")
    return clean_fields({key: values[key] for key in template.fields})


def made_up_id(appid: str, name: str) -> str:
    """An id that looks like the platform's, always the same: for the demo and the tests."""
    return base64.urlsafe_b64encode(hashlib.sha256(f"{appid}/{name}".encode()).digest()).decode().rstrip("=")
