"""The keys that sign: the registry's tokens (with a certificate that the registry trusts) and IAM's access tokens."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

REGISTRY_ISSUER = "icr-sandbox"
"""The common name of the certificate; with `/` and the region, the `iss` of registry tokens."""


def ensure(folder: Path) -> tuple[Path, Path]:
    """Return the paths of the registry token's key and certificate in this folder; make both where one is missing.

    The registry gets the certificate (`auth.token.rootcertbundle`), the stand-in gets both.
    """
    key_path, certificate_path = folder / "registry-token.key", folder / "registry-token.crt"
    if not (key_path.exists() and certificate_path.exists()):
        folder.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        _write(certificate_path, _certificate(key).public_bytes(serialization.Encoding.PEM), mode=0o644)
        _write(key_path, _pem(key))
    return key_path, certificate_path


def ensure_iam_key(folder: Path | None) -> rsa.RSAPrivateKey:
    """Return the key of IAM's access tokens in this folder, made where it is missing; None keeps it in memory."""
    path = folder / "iam-token.key" if folder else None
    if path and path.exists():
        # Checking that the numbers are prime takes longer than the rest of a start; this process wrote them itself.
        key = serialization.load_pem_private_key(path.read_bytes(), None, unsafe_skip_rsa_key_validation=True)
        if isinstance(key, rsa.RSAPrivateKey):
            return key
    key = rsa.generate_private_key(65537, 2048)
    if path:
        _write(path, _pem(key))
    return key


def _certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, REGISTRY_ISSUER)])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file whole or not at all; only its owner can read it unless `mode` says so."""
    part = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
