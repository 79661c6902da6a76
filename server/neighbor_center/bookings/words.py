"""The words by which messages name slots and bookings."""

from typing import Any

from server.accounts.whose import relative, whose_words
from server.foundation.database import fetch
from server.foundation.phrases import place_in_full, without_place
from server.neighbor_center.bookings.kinds import AnyKind
from server.neighbor_center.venues.models import ServiceMode


async def describe_slots(slot_ids: list[str]) -> dict[str, dict[str, Any]]:
    """Words for messages: what takes place then, and where. `title` is the service's name."""
    rows = await fetch(
        "SELECT t.id, s.name AS service, v.name AS venue, v.address, s.mode, s.documents, t.starts_at FROM slot t "
        "JOIN service s ON s.id = t.service_id JOIN venue v ON v.id = s.venue_id WHERE t.id = ANY($1::uuid[])",
        list(slot_ids),
    )
    words = {row["id"]: service_words(row) for row in rows}
    for row in rows:
        bring = "、".join(row["documents"])
        words[row["id"]]["documents"] = f"请携带：{bring}。" if bring else "请按时到场。"
        if row["mode"] == ServiceMode.HOME_VISIT:
            words[row["id"]] |= {
                "venue": f"上门服务·{row['venue']}",
                "where": f"上门服务·{row['venue']}（您填写的地址）",
                "documents": f"请在家等候，并准备好：{bring}。" if bring else "请在家等候。",
            }
    return words


async def describe_bookings(kind: AnyKind, booking_ids: list[str]) -> dict[str, dict[str, Any]]:
    """Words for messages. The time is that of now: events about a certain time name the slot as well."""
    rows = await fetch(
        "SELECT b.id, s.name AS service, v.name AS venue, v.address, b.starts_at, b.staff_reason AS reason, "
        f"{relative('b.person_id', 'b.booked_by_id')} FROM {kind.source} WHERE b.id = ANY($1::uuid[])",
        list(booking_ids),
    )
    whose = await whose_words(rows)
    return {
        row["id"]: service_words(row) | whose[row["id"]] | {"reason": row["reason"] or "请联系工作人员"} for row in rows
    }


def service_words(row: Any) -> dict[str, Any]:
    """`service` stands beside its venue, `title` alone; `where` is the venue with its address."""
    return {
        "id": row["id"],
        "title": row["service"],
        "service": without_place(row["service"], row["venue"]),
        "venue": row["venue"],
        "where": place_in_full(row["venue"], row["address"]),
        "time": row["starts_at"],
    }
