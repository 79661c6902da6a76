"""What could be done with a number at a counter now, told before the tap."""

from server.foundation.actions import ActionView, Verb, try_each
from server.foundation.errors import NotFound
from server.neighbor_center.counters.models import QueueTicket
from server.neighbor_center.counters.queries import get_ticket, show_ticket
from server.neighbor_center.counters.tickets import call_again, finish_ticket, leave_queue
from server.neighbor_center.venues.queries import organization_of_service
from server.organizations.access import require_role_or_hide


async def list_ticket_actions(person_id: str, ticket_id: str) -> list[ActionView]:
    """Whether its person, or who looks after them, could still give it up. Raises NotFound."""
    seen = await get_ticket(person_id, ticket_id)
    return await try_each(seen, {"leave": lambda: leave_queue(person_id, ticket_id)})


async def list_ticket_actions_of_staff(actor_id: str, ticket_id: str) -> list[ActionView]:
    """What a clerk could do with it: `finish` is that they were served, `miss` that nobody came. Raises NotFound."""
    ticket = await QueueTicket.get_or_none(id=ticket_id)
    if ticket is None:
        raise NotFound()
    await require_role_or_hide(actor_id, await organization_of_service(ticket.service_id))
    verbs: dict[str, Verb] = {
        "call_again": lambda: call_again(actor_id, ticket_id),
        "finish": lambda: finish_ticket(actor_id, ticket_id, missed=False),
        "miss": lambda: finish_ticket(actor_id, ticket_id, missed=True),
    }
    return await try_each(await show_ticket(ticket_id), verbs)
