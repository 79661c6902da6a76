"""党员 members."""

from miniprogram_api.routing import Routes

routes = Routes("党员 members")
