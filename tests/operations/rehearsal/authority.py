"""A city's own certificate authority, and what it signs."""

import subprocess
from pathlib import Path


class Authority:
    """Certificates for addresses and names, made with openssl in `folder`, which everybody may enter."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o755)
        self.folder = folder
        self.certificate, self._key = folder / "ca.pem", folder / "ca.key"
        _openssl(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=City"),
            *("-addext", "keyUsage=critical,keyCertSign", "-out", self.certificate, "-keyout", self._key),
        )

    def sign(self, name: str) -> tuple[Path, Path]:
        """Certificate and key for a host name or an IPv4 address."""
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        request, extension = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        kind = "IP" if name.replace(".", "").isdecimal() else "DNS"
        extension.write_text(f"subjectAltName={kind}:{name}\nbasicConstraints=CA:FALSE\n")
        _openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        _openssl(
            *("x509", "-req", "-days", "2", "-in", request, "-CA", self.certificate, "-CAkey", self._key),
            *("-CAcreateserial", "-extfile", extension, "-out", certificate),
        )
        return certificate, key


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
