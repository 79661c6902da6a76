"""The environment as the operator wrote it: each variable's text, from itself or from the file that it names."""

import difflib
from collections.abc import Collection, Mapping
from pathlib import Path

from server.foundation.urls import hide_password

_OURS = ("LINLI_", "WECHAT_")
_OF_TESTS = ("LINLI_FULL_TESTS", "LINLI_SCHEMA_FROM_MODELS")
_MOST = 64 * 1024


def read_environment(
    environ: Mapping[str, str], names: Collection[str], secret: Collection[str], problems: list[str]
) -> dict[str, str]:
    """Each of `names` that is set → its text. One of `secret` may stand in a file instead, which NAME_FILE names: so
    systemd's credentials and containers' secrets are in no list of processes. What is wrong goes to `problems`."""
    texts = {name: environ[name].strip() for name in names if environ.get(name, "").strip()}
    for name in secret:
        path = environ.get(f"{name}_FILE", "").strip()
        if not path:
            continue
        if name in texts:
            problems.append(f"{name}_FILE: {name} is given too")
            continue
        if text := _read_file(f"{name}_FILE", path, problems):
            texts[name] = text
    known = [*names, *(f"{name}_FILE" for name in secret), *_OF_TESTS]
    for name in sorted(environ):
        if name.startswith(_OURS) and name not in known:
            near = difflib.get_close_matches(name, known, 1, 0.75)
            problems.append(f"{name}: there is no such setting" + (f"; is {near[0]} meant?" if near else ""))
    return texts


def _read_file(name: str, path: str, problems: list[str]) -> str:
    try:
        with Path(path).open(encoding="utf-8") as file:
            text = file.read(_MOST).strip()
    except OSError as error:
        problems.append(f"{name}: {hide_password(path)} cannot be read: {error.strerror}")
        return ""
    except UnicodeDecodeError:
        problems.append(f"{name}: {path} is not text")
        return ""
    if not text:
        problems.append(f"{name}: {path} is empty")
    return text
