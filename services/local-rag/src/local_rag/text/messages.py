"""What is said to people, in their language.

Each language is one file, data/messages/CODE.json: keys to sentences with {names} in them. What a
language does not have is said in English.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources

from local_rag.text.languages import languages_of

DEFAULT = "en"


@lru_cache(maxsize=1)
def catalogues() -> Mapping[str, Mapping[str, str]]:
    """Return the sentences of every language there is a file of, by language and key."""
    folder = resources.files("local_rag.text") / "data" / "messages"
    return {
        file.name.removesuffix(".json"): json.loads(file.read_text(encoding="utf-8"))
        for file in folder.iterdir()
        if file.name.endswith(".json")
    }


def say(key: str, language: str | None = None, **values: object) -> str:
    """Return the sentence of a key in a language, in English when it has none.

    Raises KeyError for a key that English does not have.
    """
    known = catalogues()
    sentence = known.get(language or DEFAULT, {}).get(key) or known[DEFAULT][key]
    return sentence.format(**values)


def spoken(text: str) -> str:
    """Return the language of a question among those that have a file; English when unclear."""
    found = [code for code in languages_of(text) if code in catalogues()]
    return found[0] if len(found) == 1 else DEFAULT


def preferred(accept: str) -> str:
    """Return the first language of an Accept-Language header that has a file (RFC 9110, 12.5.4)."""
    wanted = []
    for part in accept.split(","):
        tag, _, rest = part.strip().partition(";")
        quality = rest.strip().removeprefix("q=") or "1"
        try:
            wanted.append((-float(quality), tag.partition("-")[0].casefold()))
        except ValueError:
            continue
    known = catalogues()
    # sorted() is stable: of equal ones the first named wins
    ranked = sorted(wanted, key=lambda item: item[0])
    return next((tag for _, tag in ranked if tag in known), DEFAULT)
