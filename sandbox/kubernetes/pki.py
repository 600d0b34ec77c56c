"""The cluster's own certificate authority: who may call whom inside the sandbox's Kubernetes."""

from __future__ import annotations

import datetime
import ipaddress
import shutil
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from base import files
from sandbox.kubernetes import network

_VALID = datetime.timedelta(days=3650)
_RENEW_BEFORE = datetime.timedelta(days=30)
_CA_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)
_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    f"*.{network.DOMAIN}",
)
_ADDRESSES = ("127.0.0.1", network.GATEWAY, network.API_SERVICE)


@dataclass(frozen=True)
class Identity:
    """One certificate: for a client (`group` is its Kubernetes group) or, with `serves`, for a server here."""

    file: str
    name: str
    group: str = ""
    serves: bool = False


def identities(node: str) -> tuple[Identity, ...]:
    """Return who has a certificate; names and groups are those that Kubernetes gives its own parts' rights to."""
    return (
        Identity("control-plane", "kube-apiserver", serves=True),
        Identity("kubelet", node, serves=True),
        Identity("front", "icr-sandbox-front", serves=True),
        Identity("apiserver-to-kubelet", "kube-apiserver-kubelet-client", "system:masters"),
        Identity("node", f"system:node:{node}", "system:nodes"),
        Identity("kube-controller-manager", "system:kube-controller-manager"),
        Identity("kube-scheduler", "system:kube-scheduler"),
        Identity("admin", "sandbox-admin", "system:masters"),
    )


def ensure(folder: Path, node: str) -> bool:
    """Make all keys and certificates below `folder`, unless they are there and good for a month or more.

    Returns True if they were made: whoever uses earlier ones is to be started anew.

    `ca.crt`, `service-account.key` and `.pub`, and for each identity `<file>.crt` and `<file>.key`.
    """
    if _good(folder, node):
        return False
    shutil.rmtree(folder, ignore_errors=True)
    authority = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "icr-sandbox")])
    for identity in identities(node):
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_subject(identity), issuer, key.public_key())
        usage = ExtendedKeyUsageOID.SERVER_AUTH if identity.serves else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False
        )
        if identity.serves:
            names = [x509.DNSName(name) for name in (*_NAMES, node)]
            served = [x509.IPAddress(ipaddress.ip_address(each)) for each in _ADDRESSES]
            builder = builder.add_extension(x509.SubjectAlternativeName([*names, *served]), critical=False)
        _write_key(folder / f"{identity.file}.key", key)
        _write_certificate(folder / f"{identity.file}.crt", builder, authority)
    _write_key(folder / "service-account.key", signer := ec.generate_private_key(ec.SECP256R1()))
    files.write(
        folder / "service-account.pub",
        signer.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode(),
    )
    builder = _builder(issuer, issuer, authority.public_key())
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_CA_USAGE, critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(authority.public_key()), critical=False)
    # Written last: its presence says that all others are there.
    _write_certificate(folder / "ca.crt", builder, authority)
    return True


def _good(folder: Path, node: str) -> bool:
    pairs = [folder / f"{identity.file}.{kind}" for identity in identities(node) for kind in ("crt", "key")]
    if not all(files.is_there(path) for path in (folder / "ca.crt", *pairs, folder / "service-account.key")):
        return False
    enough = datetime.datetime.now(datetime.UTC) + _RENEW_BEFORE
    return x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes()).not_valid_after_utc > enough


def _subject(identity: Identity) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, identity.name)]
    if identity.group:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, identity.group))
    return x509.Name(attributes)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + _VALID)
    )


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    files.write(path, pem.decode())


def _write_certificate(path: Path, builder: x509.CertificateBuilder, authority: ec.EllipticCurvePrivateKey) -> None:
    certificate = builder.sign(authority, hashes.SHA256())
    files.write(path, certificate.public_bytes(serialization.Encoding.PEM).decode())
