"""Every route of the phone's door and the staff's, in the order in which the documentation shows them."""

from miniprogram_api import (
    accounts,
    check_in,
    media,
    members,
    neighbor_center,
    notifications,
    organizations,
    service_record,
    volunteering,
    wechat,
    wishes,
)
from miniprogram_api.routing import Routes
from miniprogram_api.staff import accounts as staff_accounts
from miniprogram_api.staff import audit as staff_audit
from miniprogram_api.staff import check_in as staff_check_in
from miniprogram_api.staff import moderation as staff_moderation
from miniprogram_api.staff import neighbor_center as staff_neighbor_center
from miniprogram_api.staff import organizations as staff_organizations
from miniprogram_api.staff import volunteering as staff_volunteering
from miniprogram_api.staff import wishes as staff_wishes

ALL_ROUTES: list[Routes] = [
    accounts.routes,
    organizations.routes,
    members.routes,
    check_in.routes,
    wishes.routes,
    volunteering.routes,
    neighbor_center.routes,
    service_record.routes,
    notifications.routes,
    media.routes,
    wechat.routes,
    staff_organizations.routes,
    staff_audit.routes,
    staff_check_in.routes,
    staff_wishes.routes,
    staff_volunteering.routes,
    staff_neighbor_center.routes,
    staff_moderation.routes,
    staff_accounts.routes,
]
