"""What a neighbor center's visitors wait for from its staff."""

from server.neighbor_center.bookings.requests import OPEN_REQUESTS
from server.organizations.desk import DeskQueue

QUEUES = (
    DeskQueue(
        kind="booking_request",
        words="预约申请待审核",
        path="/staff/venues/{id}/requests",
        subject=("booking", "service"),
        is_promised=True,
        sql="SELECT q.id, q.id AS subject_id, v.organization_id, q.requested_at AS since, q.answer_by AS due "
        f"FROM ({OPEN_REQUESTS}) q JOIN venue v ON v.id = q.venue_id",
    ),
    DeskQueue(
        kind="visit_to_assign",
        words="上门服务待派人",
        path="/staff/venues/{id}/bookings",
        subject=("booking", "service"),
        is_promised=True,
        sql="SELECT b.id, b.id AS subject_id, v.organization_id, b.created_at AS since, b.starts_at AS due "
        "FROM booking b JOIN place p ON p.id = b.place_id AND p.state = 'confirmed' JOIN slot t ON t.id = b.slot_id "
        "JOIN service s ON s.id = t.service_id AND s.mode = 'home_visit' JOIN venue v ON v.id = s.venue_id "
        "WHERE b.visitor_id IS NULL AND b.starts_at > $2",
    ),
    DeskQueue(
        kind="complaint",
        words="意见待答复",
        path="/staff/venues/{id}/complaints",
        subject=("complaint", "venue"),
        is_promised=True,
        sql="SELECT c.id, c.id AS subject_id, v.organization_id, c.created_at AS since, c.answer_by AS due "
        "FROM complaint c JOIN venue v ON v.id = c.venue_id WHERE c.state = 'open'",
    ),
)
