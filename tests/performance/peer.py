"""The peer: what many would write, FastAPI with SQLAlchemy 2 objects and pydantic, on uvicorn with uvloop.

Run as `python -m tests.performance.peer PORT DATABASE_URL`.
"""

import hashlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel
from sqlalchemy import ForeignKey, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, selectinload

from server.accounts.masking import mask_name
from server.foundation.crypto import keyring, use_keys
from server.foundation.ids import encode_id
from server.foundation.pages import encode_cursor
from server.foundation.phrases import days_to_go
from server.foundation.settings import load_settings
from server.wishes.rules import days_left


class Base(DeclarativeBase):
    type_annotation_map: dict[Any, Any] = {}


class Organization(Base):
    __tablename__ = "organization"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]


class Details(Base):
    __tablename__ = "person_details"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    real_name: Mapped[bytes | None]


class Person(Base):
    __tablename__ = "person"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    community_id: Mapped[UUID]
    details: Mapped[Details] = relationship(lazy="raise")


class Session(Base):
    __tablename__ = "session"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    person: Mapped[Person] = relationship(lazy="joined")


class Wish(Base):
    __tablename__ = "wish"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    author_id: Mapped[UUID]
    beneficiary_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    community_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"))
    state: Mapped[str]
    kind: Mapped[str]
    audience: Mapped[str]
    title: Mapped[str]
    text: Mapped[str]
    place: Mapped[str]
    quantity: Mapped[int]
    wished_by: Mapped[date]
    submitted_at: Mapped[datetime]
    published_at: Mapped[datetime]
    version: Mapped[int]
    community: Mapped[Organization] = relationship(lazy="raise")
    beneficiary: Mapped[Person] = relationship(lazy="raise")


class WishCard(BaseModel):
    id: str
    title: str
    kind: str
    audience: str
    quantity: int
    state: str
    place: str
    community_id: str
    community_name: str
    meters: int | None
    beneficiary_name: str
    wished_by: date | None
    days_left: int | None
    time_left: str | None
    due_at: None
    is_mine: bool
    reason: str
    thumbnail_url: str | None


class WishPage(BaseModel):
    items: list[WishCard]
    next_cursor: str | None


class WishView(BaseModel):
    id: str
    title: str
    kind: str
    audience: str
    text: str
    state: str
    place: str
    community_id: str
    community_name: str
    beneficiary_name: str
    is_on_behalf: bool
    quantity: int
    wished_by: date | None
    days_left: int | None
    pictures: list[str]
    submitted_at: datetime | None
    published_at: datetime | None
    reason: str
    version: int
    actors: list[str]
    actions: list[str]
    may_see_contact: bool
    grid_id: str | None
    escalation: int
    is_with_staff: bool
    claim: None


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    use_keys(load_settings())
    yield


app = FastAPI(lifespan=lifespan)
engine = create_async_engine("postgresql+asyncpg:" + sys.argv[2].partition(":")[2], pool_size=10)
sessions = async_sessionmaker(engine, expire_on_commit=False)


async def database() -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        yield session


Database = Annotated[AsyncSession, Depends(database)]


async def caller(session: Database, authorization: Annotated[str, Header()]) -> Person:
    token_hash = hashlib.sha256(authorization.removeprefix("Bearer ").encode()).digest()
    found = await session.scalar(select(Session).where(Session.token_hash == token_hash))
    if found is None:
        raise HTTPException(401)
    return found.person


Caller = Annotated[Person, Depends(caller)]


def _name(person: Person) -> str:
    return mask_name(keyring().decrypt(person.details.real_name or b"", "person_details.real_name"))


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


_AROUND = (selectinload(Wish.community), selectinload(Wish.beneficiary).selectinload(Person.details))


@app.get("/api/v1/wishes")
async def wall(session: Database, person: Caller, limit: int = 20) -> WishPage:
    wishes = (
        await session.scalars(
            select(Wish)
            .where(Wish.state == "published", Wish.community_id == person.community_id)
            .order_by(Wish.wished_by, Wish.id)
            .limit(limit + 1)
            .options(*_AROUND)
        )
    ).all()
    last = wishes[limit - 1] if len(wishes) > limit else None
    return WishPage(
        items=[
            WishCard(
                id=encode_id(wish.id.bytes),
                title=wish.title,
                kind=wish.kind,
                audience=wish.audience,
                quantity=wish.quantity,
                state=wish.state,
                place=wish.place,
                community_id=encode_id(wish.community_id.bytes),
                community_name=wish.community.name,
                meters=0,
                beneficiary_name=_name(wish.beneficiary),
                wished_by=wish.wished_by,
                days_left=days_left(wish.wished_by),
                time_left=days_to_go(days_left(wish.wished_by)),
                due_at=None,
                is_mine=wish.beneficiary_id == person.id,
                reason="",
                thumbnail_url=None,
            )
            for wish in wishes[:limit]
        ],
        next_cursor=encode_cursor(0, last.wished_by, encode_id(last.id.bytes)) if last else None,
    )


@app.get("/api/v1/wishes/{wish_id}")
async def get_wish(session: Database, person: Caller, wish_id: str) -> WishView:
    from server.foundation.ids import decode_id

    wish = await session.scalar(select(Wish).where(Wish.id == UUID(bytes=decode_id(wish_id))).options(*_AROUND))
    if wish is None or wish.state != "published":
        raise HTTPException(404)
    return WishView(
        id=wish_id,
        title=wish.title,
        kind=wish.kind,
        audience=wish.audience,
        text=wish.text,
        state=wish.state,
        place=wish.place,
        community_id=encode_id(wish.community_id.bytes),
        community_name=wish.community.name,
        beneficiary_name=_name(wish.beneficiary),
        is_on_behalf=wish.author_id != wish.beneficiary_id,
        quantity=wish.quantity,
        wished_by=wish.wished_by,
        days_left=days_left(wish.wished_by),
        pictures=[],
        submitted_at=wish.submitted_at.astimezone(UTC),
        published_at=wish.published_at.astimezone(UTC),
        reason="",
        version=wish.version,
        actors=["resident"],
        actions=["claim"],
        may_see_contact=False,
        grid_id=None,
        escalation=0,
        is_with_staff=False,
        claim=None,
    )


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), loop="uvloop", log_level="error", access_log=False)
