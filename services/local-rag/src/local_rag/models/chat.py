"""Messages to tokens, by the chat template a model carries.

A template is rendered with placeholders where the messages' texts go. Only the template's own
text may become control tokens: a document that spells `<|im_end|>` stays mere text and cannot end
its message or speak as the system.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from local_rag.core.errors import ModelError
from local_rag.core.types import Message
from local_rag.models.runtime import NativeModel

MAX_TEMPLATE_CHARS = 200_000
_MARK = re.compile("\ue000([0-9]{1,4})\ue001")
_PLAIN = {"system": "{}\n\n", "user": "{}\n\nAnswer: ", "assistant": "{}\n\n"}


class ChatTemplate:
    """Turns messages into the prompt format one model was trained on."""

    def __init__(self, template: str, native: NativeModel) -> None:
        self._native = native
        api = native.library.api
        self._bos = int(api.llama_vocab_bos(native.vocab))
        self._add_bos = bool(api.llama_vocab_get_add_bos(native.vocab))
        self._formatter = None
        if template:
            self._formatter = self._compile(template, int(api.llama_vocab_eos(native.vocab)))

    def _compile(self, template: str, eos: int) -> Any:
        from llama_cpp.llama_chat_format import Jinja2ChatFormatter

        name = self._native.path.name
        if len(template) > MAX_TEMPLATE_CHARS:
            raise ModelError(f"{name}: its chat template is {len(template)} characters long")
        try:
            return Jinja2ChatFormatter(
                template=template,
                eos_token=self._native.token_text(eos),
                bos_token=self._native.token_text(self._bos),
            )
        except Exception as error:  # a foreign template may raise anything
            raise ModelError(
                f"{name}: its chat template cannot be read: {error}",
                hint="take another file of this model; this one was made badly",
            ) from error

    def tokens(self, messages: Sequence[Message]) -> NDArray[np.int32]:
        """Return the prompt as tokens, ready for the answer to follow.

        Raises ModelError when the template fails.
        """
        parts: list[NDArray[np.int32]] = []
        position = 0
        rendered, texts = self._render(messages)
        for match in _MARK.finditer(rendered):
            parts.append(self._control(rendered[position : match.start()]))
            parts.append(self._native.tokens(texts[int(match.group(1))]))
            position = match.end()
        parts.append(self._control(rendered[position:]))
        tokens = np.concatenate(parts)
        if self._add_bos and self._bos >= 0 and (not len(tokens) or tokens[0] != self._bos):
            tokens = np.concatenate([np.array([self._bos], dtype=np.int32), tokens])
        return tokens

    def _control(self, text: str) -> NDArray[np.int32]:
        return self._native.tokens(text, parse_special=True)

    def _render(self, messages: Sequence[Message]) -> tuple[str, list[str]]:
        try:
            return self._render_once(messages)
        except ModelError:
            # Some templates (Gemma's) refuse a system message; its words go to the user's.
            merged = merge_system(messages)
            if len(merged) == len(messages):
                raise
            return self._render_once(merged)

    def _render_once(self, messages: Sequence[Message]) -> tuple[str, list[str]]:
        texts = [message.content for message in messages]
        marked = [
            {"role": message.role, "content": f"\ue000{i}\ue001"}
            for i, message in enumerate(messages)
        ]
        if self._formatter is None:
            return "".join(_PLAIN[m["role"]].format(m["content"]) for m in marked), texts
        try:
            rendered: str = self._formatter(messages=marked, enable_thinking=False).prompt
        except Exception as error:  # a foreign template may raise anything
            raise ModelError(
                f"{self._native.path.name}: its chat template fails: {error}",
                hint="take an instruction-tuned model with a working chat template",
            ) from error
        found = {int(match.group(1)) for match in _MARK.finditer(rendered)}
        if found != set(range(len(texts))):
            raise ModelError(
                f"{self._native.path.name}: its chat template leaves out part of the question",
                hint="take an instruction-tuned model with a working chat template",
            )
        return rendered, texts


def merge_system(messages: Sequence[Message]) -> list[Message]:
    """Return the messages with system texts put in front of the next user's."""
    merged: list[Message] = []
    waiting: list[str] = []
    for message in messages:
        if message.role == "system":
            waiting.append(message.content)
            continue
        content = message.content
        if waiting and message.role == "user":
            content = "\n\n".join([*waiting, content])
            waiting = []
        merged.append(Message(role=message.role, content=content))
    return merged
