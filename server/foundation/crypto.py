"""Encryption at rest, blind indexes and signatures, all from the deployment's keys.

A ciphertext carries its algorithm and key id, so keys can be rotated (the first key in LINLI_KEYS encrypts, all of
them decrypt; see foundation/keys.py) and a city may demand SM4-GCM (GB/T 32907) in place of AES-GCM.
"""

import base64
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from server.foundation.settings import Settings, parse_index_key, parse_keys

_AES, _SM4 = 1, 2
_NONCE, _TAG = 12, 16


class Undecryptable(Exception):
    """The ciphertext was made with an unknown key or for another place, or has been changed."""


class Keyring:
    """The deployment's keys. `context` names where a value lives (`person_details.phone`): a ciphertext moved elsewhere
    does not decrypt."""

    def __init__(self, settings: Settings) -> None:
        self._keys = parse_keys(settings.keys)
        self._current = next(iter(self._keys))
        # Blind indexes are not made anew by a rotation, so their key may outlive the others.
        self._index = parse_index_key(settings.index_key) or list(self._keys.items())[-1]
        self._algorithm = _SM4 if settings.cipher == "sm4-gcm" else _AES
        self._derived: dict[tuple[str, str, int], bytes] = {}
        self._ciphers: dict[str, AESGCM] = {}

    def encrypt(self, plaintext: str | bytes, context: str) -> bytes:
        data = plaintext.encode() if isinstance(plaintext, str) else plaintext
        key_id = self._current.encode()
        header = bytes([self._algorithm, len(key_id)]) + key_id
        nonce = os.urandom(_NONCE)
        associated = header + context.encode()
        if self._algorithm == _AES:
            sealed = self._aes(self._current).encrypt(nonce, data, associated)
        else:
            sealed = _sm4_encrypt(self._derive(self._current, "encrypt-sm4", 16), nonce, data, associated)
        return header + nonce + sealed

    def decrypt(self, ciphertext: bytes, context: str) -> str:
        return self.decrypt_bytes(ciphertext, context).decode()

    def decrypt_bytes(self, ciphertext: bytes, context: str) -> bytes:
        """Raises Undecryptable."""
        try:
            algorithm, length = ciphertext[0], ciphertext[1]
            header, rest = ciphertext[: 2 + length], ciphertext[2 + length :]
            key_id = header[2:].decode()
            nonce, sealed = rest[:_NONCE], rest[_NONCE:]
            associated = header + context.encode()
            if algorithm == _AES:
                return self._aes(key_id).decrypt(nonce, sealed, associated)
            if algorithm == _SM4:
                return _sm4_decrypt(self._derive(key_id, "encrypt-sm4", 16), nonce, sealed, associated)
        except (InvalidTag, KeyError, IndexError, ValueError):
            pass
        raise Undecryptable(context)

    def blind_index(self, value: str, context: str) -> bytes:
        """32 bytes that are equal for equal values, so that a ciphertext can be found without decrypting the table.

        Made with LINLI_INDEX_KEY, or the last key in the ring; a rotation leaves it as it is.
        """
        return hmac.digest(self._derive_index(context), value.encode(), "sha256")

    @property
    def ids(self) -> list[str]:
        """The ids of the keys of the ring, the one that encrypts first."""
        return list(self._keys)

    @property
    def index_id(self) -> str:
        """The id of the key with which blind indexes are made."""
        return self._index[0]

    def fingerprint(self, key_id: str) -> bytes:
        """By which a key of the ring is known again; it tells nothing of the key."""
        return self._derive(key_id, "fingerprint", 32)

    def index_fingerprint(self) -> bytes:
        """The same of the index key."""
        return HKDF(hashes.SHA256(), 32, None, b"linli:fingerprint").derive(self._index[1])

    def is_current(self, ciphertext: bytes) -> bool:
        """Whether this was made with the key, and by the algorithm, with which we would make it now."""
        key_id = self._current.encode()
        return ciphertext[: 2 + len(key_id)] == bytes([self._algorithm, len(key_id)]) + key_id

    def sign(self, message: str, purpose: str) -> str:
        """43 characters that only this deployment can make for `message`."""
        return _urlsafe(hmac.digest(self._derive(self._current, f"sign:{purpose}", 32), message.encode(), "sha256"))

    def verify(self, message: str, signature: str, purpose: str) -> bool:
        """Whether `signature` is ours, by any key of the ring; in constant time."""
        return any(
            hmac.compare_digest(
                _urlsafe(hmac.digest(self._derive(key_id, f"sign:{purpose}", 32), message.encode(), "sha256")).encode(),
                signature.encode(),
            )
            for key_id in self._keys
        )

    def write_signed(self, message: str, purpose: str) -> str:
        """`message.signature`, for `read_signed` to read."""
        return f"{message}.{self.sign(message, purpose)}"

    def read_signed(self, text: str, purpose: str) -> str | None:
        """The message of such a text; None when it is none of ours, or was signed for something else."""
        message, _, signature = text.rpartition(".")
        return message if self.verify(message, signature, purpose) else None

    def _aes(self, key_id: str) -> AESGCM:
        # To make one takes longer than to open a name with it.
        if key_id not in self._ciphers:
            self._ciphers[key_id] = AESGCM(self._derive(key_id, "encrypt", 32))
        return self._ciphers[key_id]

    def _derive_index(self, context: str) -> bytes:
        name = ("", f"index:{context}", 32)
        if name not in self._derived:
            self._derived[name] = HKDF(hashes.SHA256(), 32, None, f"linli:index:{context}".encode()).derive(
                self._index[1]
            )
        return self._derived[name]

    def _derive(self, key_id: str, purpose: str, length: int) -> bytes:
        name = (key_id, purpose, length)
        if name not in self._derived:
            material = self._keys[key_id]
            self._derived[name] = HKDF(hashes.SHA256(), length, None, f"linli:{purpose}".encode()).derive(material)
        return self._derived[name]


_keyring: Keyring | None = None


def use_keys(settings: Settings) -> None:
    """Take this process's keys from the settings."""
    global _keyring
    _keyring = Keyring(settings)


def keyring() -> Keyring:
    """This process's keys. Raises RuntimeError before use_keys."""
    if _keyring is None:
        raise RuntimeError("use_keys was not called")
    return _keyring


def hash_token(token: str) -> bytes:
    """What is stored of a bearer token. The token is 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).digest()


def _urlsafe(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _sm4_encrypt(key: bytes, nonce: bytes, data: bytes, associated: bytes) -> bytes:
    encryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(associated)
    return encryptor.update(data) + encryptor.finalize() + encryptor.tag


def _sm4_decrypt(key: bytes, nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
    data, tag = sealed[:-_TAG], sealed[-_TAG:]
    decryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce, tag)).decryptor()
    decryptor.authenticate_additional_data(associated)
    return decryptor.update(data) + decryptor.finalize()
