"""One process of test_token_race: reads lists of openids, sends to each at once, writes the outcomes."""

import asyncio
import sys

import msgspec
import structlog
from redis import asyncio as aioredis

from server.foundation.settings import Settings
from server.wechat import WeChat, errors

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))


async def main(port: str, redis_url: str, template_id: str, message: str) -> None:
    redis = aioredis.from_url(redis_url)
    wechat = WeChat(Settings(simulator_port=int(port)), redis)
    data = msgspec.json.decode(message, type=dict[str, str])

    async def send(openid: str) -> str:
        try:
            return await wechat.send_subscribe_message(openid, template_id, "pages/a", data)
        except errors.WeChatError as error:
            return f"{error}"

    while line := await asyncio.to_thread(sys.stdin.readline):
        outcomes = await asyncio.gather(*map(send, msgspec.json.decode(line, type=list[str])))
        sys.stdout.write(msgspec.json.encode(outcomes).decode() + "\n")
        sys.stdout.flush()
    await wechat.aclose()
    await redis.aclose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
