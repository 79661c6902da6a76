"""What units and staff are told of units' check-in."""

from server.notifications.events import Event, review_result

TO_REVIEW = Event(
    name="unit_check_in_to_review",
    title="有新的单位报到",
    text="{unit_check_in[unit]}申请到{unit_check_in[area]}报到，请及时处理。",
    page="pages/staff/unit-check-in?id={unit_check_in[id]}",
)

WITHDRAWN = Event(
    name="unit_check_in_withdrawn",
    title="单位撤回了报到申请",
    text="{unit_check_in[unit]}撤回了到{unit_check_in[area]}的报到申请：{unit_check_in[reason]}。",
    page="pages/staff/unit-check-in?id={unit_check_in[id]}",
)

CHANGED = Event(
    name="unit_check_in_changed",
    title="结对单位更换了联系人",
    text="{unit_check_in[unit]}更新了与{unit_check_in[area]}结对的联系人或党员人数。",
    page="pages/staff/unit-check-in?id={unit_check_in[id]}",
)

ACCEPTED = Event(
    name="unit_check_in_accepted",
    title="单位报到已接受",
    text="{unit_check_in[area]}已接受{unit_check_in[unit]}的报到，自{unit_check_in[dates]}结对共建。",
    page="pages/unit/check-ins?id={unit_check_in[unit_id]}",
    **review_result("check_in", "单位报到", "已接受", "{unit_check_in[area]}已接受报到"),
)

RETURNED = Event(
    name="unit_check_in_returned",
    title="单位报到被退回",
    text="{unit_check_in[area]}退回了{unit_check_in[unit]}的报到申请：{unit_check_in[reason]}。请修改后重新提交。",
    page="pages/unit/check-ins?id={unit_check_in[unit_id]}",
    **review_result("check_in", "单位报到", "已退回", "{unit_check_in[reason]}"),
)

REFUSED = Event(
    name="unit_check_in_refused",
    title="单位报到未被接受",
    text="{unit_check_in[area]}未接受{unit_check_in[unit]}的报到申请：{unit_check_in[reason]}。",
    page="pages/unit/check-ins?id={unit_check_in[unit_id]}",
    **review_result("check_in", "单位报到", "未接受", "{unit_check_in[reason]}"),
)

DATES_CHANGED = Event(
    name="unit_check_in_dates_changed",
    title="结对期限有变动",
    text="{unit_check_in[unit]}与{unit_check_in[area]}的结对期限改为：{unit_check_in[dates]}。",
    page="pages/unit/check-ins?id={unit_check_in[unit_id]}",
)

ENDED = Event(
    name="unit_check_in_ended",
    title="结对已结束",
    text="{unit_check_in[unit]}与{unit_check_in[area]}的结对已结束：{unit_check_in[reason]}。",
    page="pages/unit/check-ins?id={unit_check_in[unit_id]}",
    **review_result("check_in", "单位报到", "已结束", "{unit_check_in[reason]}"),
)

ENDED_FOR_STAFF = Event(
    name="unit_check_in_ended_for_staff",
    title="单位结对已结束",
    text="{unit_check_in[unit]}与{unit_check_in[area]}的结对已结束：{unit_check_in[reason]}。",
    page="pages/staff/unit-check-in?id={unit_check_in[id]}",
)
