"""The keys that sign: the registry's tokens (with a certificate that the registry trusts) and IAM's access tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from base import files

REGISTRY_ISSUER = "icr-sandbox"
"""The common name of the certificate; with `/` and the region, the `iss` of registry tokens."""


def ensure(folder: Path) -> tuple[Path, Path]:
    """Return the paths of the registry token's key and certificate in this folder; make both where one is missing.

    The registry gets the certificate (`auth.token.rootcertbundle`), the stand-in gets both.
    """
    key_path, certificate_path = folder / "registry-token.key", folder / "registry-token.crt"
    if not (files.is_there(key_path) and files.is_there(certificate_path)):
        folder.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        files.write(certificate_path, _certificate(key).public_bytes(serialization.Encoding.PEM), 0o644)
        files.write(key_path, _pem(key))
    return key_path, certificate_path


def ensure_iam_key(folder: Path | None) -> rsa.RSAPrivateKey:
    """Return the key of IAM's access tokens in this folder, made where it is missing; None keeps it in memory."""
    path = folder / "iam-token.key" if folder else None
    if path and files.is_there(path):
        # Checking that the numbers are prime takes longer than the rest of a start; this process wrote them itself.
        key = serialization.load_pem_private_key(path.read_bytes(), None, unsafe_skip_rsa_key_validation=True)
        if isinstance(key, rsa.RSAPrivateKey):
            return key
    key = rsa.generate_private_key(65537, 2048)
    if path:
        files.write(path, _pem(key))
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
