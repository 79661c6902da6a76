"""Why somebody has no place, in a sentence that they can do something with."""

from server.foundation import clock
from server.foundation.dates import render_time
from server.places.queries import Waiting


def why_waiting(waiting: Waiting) -> str:
    """Why a waiting party has no place yet."""
    people = f"您一行 {waiting.party_size} 人"
    if waiting.held_until and waiting.held_until > clock.now():
        return f"空出的名额正为{people}保留至 {render_time(waiting.held_until)}，凑齐后为您报上"
    if waiting.party_size > waiting.capacity:
        return f"{people}，超过该岗位现有的 {waiting.capacity} 个名额，请减少同行人数或改报其他场次"
    if 0 < waiting.free < waiting.party_size:
        return f"目前空余 {waiting.free} 个名额，不够{people}，请等候更多名额"
    if waiting.free and waiting.is_held:
        return "空出的名额正为排在前面的一组保留，之后按顺序递补"
    if waiting.position > 1:
        return f"名额已满，前面还有 {waiting.position - 1} 组候补，有名额时按顺序递补"
    return "名额已满，您排在候补第一位，有名额时最先轮到您"


def why_ended(end_reason: str, words: str) -> str:
    """Why a sign-up ended; `words` are what staff wrote about it. Empty for one that has not ended."""
    texts = {
        "": "",
        "cancelled": "您取消了报名",
        "cancelled_late": "您在取消截止时间之后取消了报名",
        "declined": "您放弃了候补名额",
        "offer_expired": "候补名额未在规定时间内确认，已让给下一位",
        "not_reached": "直到活动开始也没有轮到您",
        "activity_cancelled": f"活动已取消：{words}",
        "shift_cancelled": f"该场次已取消：{words}",
        "shift_called_off": f"该场次未能成行：{words}",
        "removed_by_organizer": f"主办方取消了您的报名：{words}",
        "merged": "同一人的重复报名已合并",
    }
    return texts.get(end_reason, "报名已结束")
