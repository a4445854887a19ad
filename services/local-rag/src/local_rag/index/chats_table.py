"""Chats: questions and their answers, kept so that a reload or a restart loses nothing."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local_rag.core.errors import NotFound
from local_rag.index.connection import Connections
from local_rag.index.rows import now, time_of

_CHAT = (
    "SELECT id, name, created, updated, "
    "(SELECT count(*) FROM turns t WHERE t.chat_id=c.id) AS turns FROM chats c"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Chat:
    """A chat; `turns` is how many questions were asked in it."""

    id: int
    name: str
    turns: int
    created: datetime
    updated: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """A question as it was typed, as it was asked of the documents, and its answer.

    `answer` is None while it is being written, and stays so when the service was ended then.
    """

    id: int
    question: str
    asked: str
    answer: dict[str, Any] | None
    created: datetime


class Chats:
    """The tables of chats and turns."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def create(self, name: str) -> Chat:
        """Store a new chat."""
        moment = now()
        with self._connections.write() as db:
            cursor = db.execute(
                "INSERT INTO chats (name, created, updated) VALUES (?,?,?)", (name, moment, moment)
            )
            number = int(cursor.lastrowid or 0)
        return self.get(number)

    def get(self, chat_id: int) -> Chat:
        """Return a chat. Raises NotFound."""
        with self._connections.read() as db:
            row = db.execute(f"{_CHAT} WHERE c.id=?", (chat_id,)).fetchone()
        if row is None:
            raise NotFound(f"there is no chat {chat_id}")
        return _chat(row)

    def list(self, *, limit: int = 100, offset: int = 0) -> list[Chat]:
        """Return chats, the latest question first."""
        with self._connections.read() as db:
            rows = db.execute(
                f"{_CHAT} ORDER BY c.updated DESC, c.id DESC LIMIT ? OFFSET ?", (limit, offset)
            ).fetchall()
        return [_chat(row) for row in rows]

    def count(self) -> int:
        """Return how many chats there are."""
        with self._connections.read() as db:
            return int(db.execute("SELECT count(*) FROM chats").fetchone()[0])

    def rename(self, chat_id: int, name: str) -> Chat:
        """Give a chat another name. Raises NotFound."""
        with self._connections.write() as db:
            db.execute("UPDATE chats SET name=? WHERE id=?", (name, chat_id))
        return self.get(chat_id)

    def delete(self, chat_id: int) -> None:
        """Remove a chat with its questions and answers, for good. Raises NotFound."""
        with self._connections.write() as db:
            if not db.execute("DELETE FROM chats WHERE id=?", (chat_id,)).rowcount:
                raise NotFound(f"there is no chat {chat_id}")

    def turns(self, chat_id: int, *, limit: int = 1000) -> "Sequence[Turn]":
        """Return the latest turns of a chat, oldest first. Raises NotFound."""
        self.get(chat_id)
        with self._connections.read() as db:
            rows = db.execute(
                "SELECT id, question, asked, answer, created FROM turns WHERE chat_id=? "
                "ORDER BY id DESC LIMIT ?",
                (chat_id, limit),
            ).fetchall()
        return [_turn(row) for row in reversed(rows)]

    def begin(self, chat_id: int, *, question: str, asked: str) -> int:
        """Store a question before it is answered; returns the number of the turn."""
        moment = now()
        with self._connections.write() as db:
            if not db.execute("UPDATE chats SET updated=? WHERE id=?", (moment, chat_id)).rowcount:
                raise NotFound(f"there is no chat {chat_id}")
            cursor = db.execute(
                "INSERT INTO turns (chat_id, question, asked, created) VALUES (?,?,?,?)",
                (chat_id, question, asked, moment),
            )
        return int(cursor.lastrowid or 0)

    def end(self, turn_id: int, answer: Mapping[str, Any]) -> None:
        """Store the answer of a turn; nothing when its chat was deleted meanwhile."""
        packed = json.dumps(dict(answer), ensure_ascii=False)
        with self._connections.write() as db:
            db.execute("UPDATE turns SET answer=? WHERE id=?", (packed, turn_id))


def _chat(row: sqlite3.Row) -> Chat:
    times = {key: time_of(row[key]) for key in ("created", "updated")}
    return Chat(**{**row, **times})


def _turn(row: sqlite3.Row) -> Turn:
    answer = json.loads(row["answer"]) if row["answer"] else None
    return Turn(**{**row, "answer": answer, "created": time_of(row["created"])})
