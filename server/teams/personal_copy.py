"""A person's copy of the volunteers' teams that they are or were in."""

from server.foundation.personal_copy import Copied, Shown

SHEETS = (
    Copied(
        "志愿团队",
        # What its leader calls it is the leader's own word; others know what has passed the check.
        "SELECT CASE WHEN t.leader_id = $1 THEN t.name ELSE t.shown_name END AS name, o.name AS community, "
        "CASE WHEN t.leader_id = $1 THEN '队长' ELSE '队员' END AS part, m.created_at, m.left_at, t.ended_at "
        "FROM team_member m JOIN team t ON t.id = m.team_id JOIN organization o ON o.id = t.community_id "
        "WHERE m.person_id = $1 ORDER BY m.id DESC",
        Shown("团队", "name", 24),
        Shown("所在社区", "community", 20),
        Shown("身份", "part"),
        Shown("加入时间", "created_at", 22),
        Shown("离开时间", "left_at", 22),
        Shown("团队解散时间", "ended_at", 22),
    ),
)
