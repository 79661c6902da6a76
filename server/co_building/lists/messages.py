"""What those concerned are told of entries of the lists."""

from server.notifications.events import Event

TO_REVIEW = Event(
    name="list_entry_to_review",
    title="有清单条目待审核",
    text="{owner[name]}提交了{list_entry[kind]}“{list_entry[title]}”，请审核。",
    kinds={"owner": "organization"},
)

OPENED = Event(
    name="list_entry_opened",
    title="清单条目已公开",
    text="{list_entry[kind]}“{list_entry[title]}”已通过审核，等待认领。",
)

RETURNED = Event(
    name="list_entry_returned",
    title="清单条目被退回",
    text="{list_entry[kind]}“{list_entry[title]}”被退回：{list_entry[reason]}。修改后可以再次提交。",
)

LAPSED = Event(
    name="list_entry_lapsed",
    title="清单条目已到期",
    text="{list_entry[kind]}“{list_entry[title]}”已到期结束；下一个半年征集清单时可以一键续报。",
)

INVITED = Event(
    name="lists_invited",
    title="开始征集三张清单",
    text="{organization[name]}开始征集本半年的需求、资源和项目清单，上一期的条目可以一键续报。",
)
