"""What a language model adds to an answer: sentence by sentence, and only what is borne out."""

import re
from collections.abc import Sequence

from local_rag.ask.prompt import NOT_IN_DOCUMENTS
from local_rag.ask.support import Checker
from local_rag.core.types import Passage, Quote
from local_rag.text.sentences import sentences

_MARKER = re.compile(r"\s*\[[0-9, ]{1,12}\]")
_LONGEST = 2000


class Writing:
    """Takes pieces of an answer and gives back whole sentences that a passage bears out.

    `text` is what was given back, `cited` the passages it rests on in order of first use, `sources`
    the text of each that was looked for. What only repeats a quote is left out.
    """

    def __init__(self, question: str, passages: Sequence[Passage], quotes: Sequence[Quote]) -> None:
        self._checker = Checker(question, passages)
        self._quoted = " ".join(_plain(quote.text) for quote in quotes)
        self._held = ""
        self._dropped: list[str] = []
        self._over = self._begun = False
        self.text = ""
        self.cited: list[int] = []
        self.sources: dict[int, str] = {}
        self.tokens = 0

    @property
    def reason(self) -> str | None:
        """Why nothing of it was kept."""
        if self._dropped:
            return f"what the language model wrote was left out: {self._dropped[0]}"
        return "the language model added nothing"

    def take(self, piece: str) -> str:
        """Return what of the answer so far can be shown now."""
        self.tokens += 1
        self._held += piece
        parts = sentences(self._held[:_LONGEST])
        if len(parts) < 2:
            return ""
        # The last one may still go on, a marker of its source for one.
        end = parts[-1].start
        ready, self._held = self._held[:end], self._held[end:]
        return self._keep(ready)

    def finish(self) -> str:
        """Return what is left at the end."""
        rest, self._held = self._held, ""
        return self._keep(rest)

    def _keep(self, text: str) -> str:
        kept = [self._checked(sentence.text) for sentence in sentences(text)]
        shown = "".join(kept)
        self.text += shown
        return shown

    def _checked(self, sentence: str) -> str:
        plain = _MARKER.sub("", sentence).strip()
        plain = re.sub(r"\s+([.!?])", r"\1", plain)
        if self._over or not re.search(r"\w", plain):
            return ""
        if _plain(plain).startswith(_plain(NOT_IN_DOCUMENTS)):
            self._over = True
            self._dropped.insert(0, "it found no answer in the passages")
            return ""
        if _plain(plain) in self._quoted:
            return ""
        support = self._checker.check(plain)
        if support.number is None:
            self._dropped.append(support.against)
            return ""
        if support.number not in self.cited:
            self.cited.append(support.number)
        self.sources.setdefault(support.number, support.source)
        body, end = (plain[:-1], plain[-1]) if plain[-1] in ".!?" else (plain, "")
        shown = f"{body} [{support.number}]{end}"
        # A paragraph of its own below the quotes, then one sentence after the other.
        self._begun, gap = True, " " if self._begun else "\n\n"
        return gap + shown


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
