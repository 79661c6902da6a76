"""Drawing keeps a processor busy, so it has threads of its own: what else goes to threads does not wait behind it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

DRAWN_AT_ONCE = 2
P = ParamSpec("P")
DrawnT = TypeVar("DrawnT")

_threads = ThreadPoolExecutor(DRAWN_AT_ONCE, thread_name_prefix="drawing")


async def draw_in_thread(draw: Callable[P, DrawnT], *args: P.args, **named: P.kwargs) -> DrawnT:
    """What `draw` gives; of many at once, those that came first."""
    return await asyncio.get_running_loop().run_in_executor(_threads, lambda: draw(*args, **named))
