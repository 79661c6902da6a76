"""The texts that people agree to, each with its version. They are read from files, so that a city can have its own.

A file is called after its kind of consent: `# title`, `version: 1`, `withdrawal: what follows when it is taken back`,
an empty line, and the text. Another version is another text: who agreed to an older one is asked again.
"""

import re
from pathlib import Path

import msgspec

from server.accounts.models import ConsentKind
from server.foundation.settings import Settings, SettingsInvalid

_OWN = Path(__file__).parent / "consent_texts"
_FILE = re.compile(
    r"# (?P<title>[^\n]+)\nversion: (?P<version>\S{1,16})\nwithdrawal: (?P<withdrawal>[^\n]+)\n\n(?P<text>.+)", re.S
)


class ConsentText(msgspec.Struct, frozen=True):
    """A text as people read it before they agree; `withdrawal` tells what follows when they take it back."""

    kind: ConsentKind
    version: str
    title: str
    withdrawal: str
    text: str


def _read(folder: Path) -> dict[ConsentKind, ConsentText]:
    """Raises ValueError for a file that is missing, or not as it should be."""
    texts = {}
    for kind in ConsentKind:
        path = folder / f"{kind}.txt"
        found = _FILE.fullmatch(path.read_text(encoding="utf-8")) if path.is_file() else None
        if found is None:
            raise ValueError(
                f"{path}: needs a title, version, withdrawal and text, as the files beside the program have"
            )
        texts[kind] = ConsentText(kind, *(found[name].strip() for name in ("version", "title", "withdrawal", "text")))
    return texts


_texts = _read(_OWN)


def use_texts(settings: Settings) -> None:
    """Take the city's own texts, where it has some. Raises SettingsInvalid."""
    global _texts
    try:
        _texts = _read(settings.consent_texts if settings.consent_texts.name else _OWN)
    except (OSError, ValueError) as error:
        raise SettingsInvalid([f"LINLI_CONSENT_TEXTS: {error}"]) from None


def list_consent_texts() -> list[ConsentText]:
    """Every text as it is in force."""
    return list(_texts.values())


def text_of(kind: ConsentKind) -> ConsentText:
    """The text in force of one kind."""
    return _texts[kind]
