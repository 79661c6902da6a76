"""What is wrong with an address that the operator gave, told without its password."""

import re
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, urlsplit

_POSTGRES = ("postgresql", "postgres")
_REDIS = ("redis", "rediss", "unix")
_POSTGRES_PARAMETERS = ("host", "port", "user", "sslmode", "sslrootcert")
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_REDIS_PARAMETERS = ("db", "protocol", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs")
_ESCAPE = "in its user or password write %40 for @, %2F for /, %3F for ?, %23 for #, %25 for %, %5B for ["
_BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")


class UrlInvalid(ValueError):
    """The words hold nothing of the address but its scheme and its parameters' names."""


def check_database_url(url: str) -> None:
    """Raises UrlInvalid."""
    parts, parameters = _split(url, _POSTGRES, "must start with postgresql://", _POSTGRES_PARAMETERS)
    if "," in parts.netloc or "," in parameters.get("host", ""):
        raise UrlInvalid("names several hosts: give the one that accepts writes, or a proxy in front of them")
    mode, root = parameters.get("sslmode", "prefer"), parameters.get("sslrootcert")
    if mode not in _SSL_MODES:
        raise UrlInvalid(f"sslmode must be one of {', '.join(_SSL_MODES)}")
    if root and not Path(root).is_file():
        raise UrlInvalid("sslrootcert names no file")
    if root and mode not in ("verify-ca", "verify-full"):
        raise UrlInvalid("sslrootcert goes together with sslmode=verify-full or verify-ca")
    if not parameters.get("port", "5432").isdecimal():
        raise UrlInvalid("port must be a number")


def check_redis_url(url: str) -> None:
    """Raises UrlInvalid."""
    if re.match(r"rediss?[+-]?(sentinel|cluster)|sentinel", url):
        raise UrlInvalid(
            "Sentinel and Cluster are not supported: give one Redis or Valkey, or the proxy that leads to its primary"
        )
    parts, _ = _split(url, _REDIS, "must start with redis://, rediss:// or unix://", _REDIS_PARAMETERS)
    if "," in parts.netloc:
        raise UrlInvalid("names several hosts: give one, or the proxy that leads to the primary")
    if parts.scheme != "unix" and not re.fullmatch(r"/?\d*", parts.path):
        raise UrlInvalid("the path must be a database's number")


def check_origin(url: str) -> None:
    """An address without path, query and user, as phones and WeChat are given it. Raises UrlInvalid."""
    check_endpoint(url)
    if urlsplit(url).path.strip("/"):
        raise UrlInvalid("must have no path: Linli needs a host name of its own")


def check_endpoint(url: str) -> None:
    """An address without query and user. Raises UrlInvalid."""
    parts, _ = _split(url, ("http", "https"), "must start with https:// or http://", ())
    if "@" in parts.netloc:
        raise UrlInvalid("must have no user")
    if not re.fullmatch(r"[A-Za-z0-9.-]+|[0-9A-Fa-f:.]+", parts.hostname or ""):
        raise UrlInvalid("must name a host")


def hide_password(text: str) -> str:
    """`text`, where somebody put an address in the place of something else, without what may be secret in it."""
    return "what it names" if "://" in text or len(text) > 200 else text


def _split(
    url: str, schemes: tuple[str, ...], beginning: str, known: tuple[str, ...]
) -> tuple[SplitResult, dict[str, str]]:
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in schemes:
        raise UrlInvalid(beginning)
    netloc = re.split("[/?#]", rest, maxsplit=1)[0]
    after = rest[len(netloc) :]
    user, _, host = netloc.rpartition("@")
    if "@" in after or "#" in after or "@" in user or "[" in user or _BAD_ESCAPE.search(user):
        raise UrlInvalid(f"cannot be read: {_ESCAPE}")
    if not url.isprintable() or " " in url:
        raise UrlInvalid("has a space or another character that must be percent-encoded (a space is %20)")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        port = -1
        parts = SplitResult(scheme, host, "", "", "")
    if port == -1 or port == 0:
        raise UrlInvalid(f"host or port cannot be read; {_ESCAPE}")
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(parameters.keys() - set(known)):
        allowed = f"known are {', '.join(known)}" if known else "it takes none"
        raise UrlInvalid(f"has a parameter that is not known ({', '.join(map(_short, unknown))}): {allowed}")
    return parts, parameters


def _short(name: str) -> str:
    return name if re.fullmatch(r"\w{1,40}", name) else "…"
