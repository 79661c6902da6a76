"""Every route of the phone's door and the staff's, in the order in which the documentation shows them."""

from miniprogram_api import (
    accounts,
    announcements,
    attendance,
    bookings,
    calendars,
    certificates,
    check_in,
    check_in_units,
    console_sign_in,
    evaluations,
    grid_cases,
    list_entries,
    media,
    meetings,
    members,
    mini_codes,
    neighbor_center,
    notifications,
    organizations,
    pages,
    reports,
    service_record,
    teams,
    volunteering,
    wechat,
    wishes,
)
from miniprogram_api.routing import Route, Routes
from miniprogram_api.staff import accounts as staff_accounts
from miniprogram_api.staff import announcements as staff_announcements
from miniprogram_api.staff import assessments as staff_assessments
from miniprogram_api.staff import attendance as staff_attendance
from miniprogram_api.staff import audit as staff_audit
from miniprogram_api.staff import bookings as staff_bookings
from miniprogram_api.staff import check_in as staff_check_in
from miniprogram_api.staff import check_in_units as staff_check_in_units
from miniprogram_api.staff import figures as staff_figures
from miniprogram_api.staff import grid_cases as staff_grid_cases
from miniprogram_api.staff import list_claims as staff_list_claims
from miniprogram_api.staff import list_entries as staff_list_entries
from miniprogram_api.staff import meetings as staff_meetings
from miniprogram_api.staff import members as staff_members
from miniprogram_api.staff import mini_codes as staff_mini_codes
from miniprogram_api.staff import moderation as staff_moderation
from miniprogram_api.staff import neighbor_center as staff_neighbor_center
from miniprogram_api.staff import operations as staff_operations
from miniprogram_api.staff import organizations as staff_organizations
from miniprogram_api.staff import points as staff_points
from miniprogram_api.staff import reports as staff_reports
from miniprogram_api.staff import venue_work as staff_venue_work
from miniprogram_api.staff import volunteering as staff_volunteering
from miniprogram_api.staff import warnings as staff_warnings
from miniprogram_api.staff import wishes as staff_wishes

_FILES: list[Routes] = [
    accounts.routes,
    console_sign_in.routes,
    organizations.routes,
    members.routes,
    check_in.routes,
    check_in_units.routes,
    wishes.routes,
    evaluations.routes,
    grid_cases.routes,
    list_entries.routes,
    meetings.routes,
    teams.routes,
    volunteering.routes,
    attendance.routes,
    certificates.routes,
    calendars.routes,
    neighbor_center.routes,
    bookings.routes,
    service_record.routes,
    reports.routes,
    notifications.routes,
    announcements.routes,
    media.routes,
    mini_codes.routes,
    pages.routes,
    wechat.routes,
    staff_organizations.routes,
    staff_audit.routes,
    staff_check_in.routes,
    staff_check_in_units.routes,
    staff_members.routes,
    staff_reports.routes,
    staff_points.routes,
    staff_figures.routes,
    staff_warnings.routes,
    staff_assessments.routes,
    staff_wishes.routes,
    staff_grid_cases.routes,
    staff_list_entries.routes,
    staff_list_claims.routes,
    staff_meetings.routes,
    staff_volunteering.routes,
    staff_attendance.routes,
    staff_neighbor_center.routes,
    staff_bookings.routes,
    staff_venue_work.routes,
    staff_mini_codes.routes,
    staff_moderation.routes,
    staff_accounts.routes,
    staff_announcements.routes,
    staff_operations.routes,
]

ROUTES: list[Route] = [route for file in _FILES for route in file.declared]
BY_OPERATION: dict[str, Route] = {route.operation_id: route for route in ROUTES}
