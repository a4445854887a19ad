"""Chats: a question is asked with what was asked before it, and kept with its answer."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local_rag.ask.follow_up import standalone
from local_rag.text.normalise import one_line

if TYPE_CHECKING:
    from local_rag.index import Store
    from local_rag.index.chats_table import Chat, Turn

UNNAMED = ""
_NAME_CHARS = 80
_LOOKED_BACK_AT = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A question of a chat that is to be answered; `text` is what the documents are asked."""

    turn: int
    question: str
    text: str

    @property
    def rewritten(self) -> bool:
        """Whether it is asked in other words than it was typed."""
        return self.text != self.question


@dataclass(frozen=True, slots=True)
class Conversations:
    """Chats as the faces see them."""

    store: "Callable[[], Store]"

    def ask(self, chat_id: int, question: str, *, rewrite: bool = True) -> Asked:
        """Note a question, made whole by what was asked before. Raises NotFound."""
        chats = self.store().chats
        chat = chats.get(chat_id)
        before = [turn.asked for turn in chats.turns(chat_id, limit=_LOOKED_BACK_AT)]
        text = standalone(question, before) if rewrite else question
        turn = chats.begin(chat_id, question=question, asked=text)
        if chat.name == UNNAMED:
            chats.rename(chat_id, one_line(question, _NAME_CHARS))
        return Asked(turn=turn, question=question, text=text)

    def answered(self, asked: Asked, answer: Mapping[str, Any]) -> None:
        """Keep the answer."""
        self.store().chats.end(asked.turn, answer)

    def markdown(self, chat_id: int) -> str:
        """Return a chat as a text that people read and programs take."""
        chats = self.store().chats
        chat = chats.get(chat_id)
        parts = [f"# {_plain(chat.name) or 'Chat'}", f"Begun {chat.created:%Y-%m-%d %H:%M} UTC."]
        for turn in chats.turns(chat_id):
            parts += _turn(turn)
        return "\n\n".join(parts) + "\n"


def file_name(chat: "Chat", suffix: str) -> str:
    """Return a name for an exported chat."""
    name = re.sub(r"[^\w-]+", "-", chat.name).strip("-")[:60]
    return f"{name or f'chat-{chat.id}'}.{suffix}"


def _turn(turn: "Turn") -> list[str]:
    parts = [f"## {_plain(turn.question)}"]
    if turn.asked != turn.question:
        parts.append(f"*Asked as: {_plain(turn.asked)}*")
    answer = turn.answer
    if answer is None:
        return [*parts, "*Not answered.*"]
    parts.append(str(answer.get("text") or answer.get("reason") or ""))
    sources = [
        f"{item.get('number')}. {_plain(str(item.get('title')))}"
        + (f", page {item['page']}" if item.get("page") else "")
        + f": “{_plain(str(item.get('snippet')))}”"
        for item in answer.get("citations") or ()
    ]
    return [*parts, "\n".join(sources)] if sources else parts


def _plain(text: str) -> str:
    return one_line(text, 2000)
