"""Registry tokens: JWTs that the real registry process checks with the certificate that it was given."""

from __future__ import annotations

import base64
import time
import uuid
from pathlib import Path

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from base.errors import SandboxError
from sandbox.cloud.core import unverified
from sandbox.cloud.core.token_keys import REGISTRY_ISSUER

SERVICE = "registry"
"""The `aud` of registry tokens, and the `service` of the registry's challenge."""


class RegistryTokens:
    """Signs registry tokens (ES256, the certificate in `x5c`)."""

    def __init__(self, key_path: Path, certificate_path: Path) -> None:
        try:
            key = load_pem_private_key(key_path.read_bytes(), None)
            certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
        except (OSError, ValueError, TypeError) as error:
            raise SandboxError(
                f"The registry token key or certificate can't be read ({key_path}, {certificate_path}).",
                "Remove both files; they are made again. The registry must then be started again, too.",
            ) from error
        if not isinstance(key, EllipticCurvePrivateKey):
            raise SandboxError(f"{key_path} is not an EC key; ES256 needs one.", f"rm {key_path} {certificate_path}")
        self._key = key
        self.certificate = certificate.public_bytes(Encoding.PEM)
        """What a registry needs to check the tokens, as PEM."""
        self._x5c = [base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()]

    def sign(self, region: str, subject: str, access: list[dict[str, object]]) -> tuple[str, int]:
        """Make a token for one region's registry; return it and its time of issue, in seconds since 1970.

        A namespace of the same name in another region is somebody else's: no other registry takes the token.

        The registry lives by the wall clock, so this does too, wherever the stand-in's own clock was moved.
        """
        now = int(time.time())
        claims = {
            "iss": f"{REGISTRY_ISSUER}/{region}",
            "aud": SERVICE,
            "sub": subject,
            "iat": now,
            "nbf": now - 10,
            "exp": now + unverified.REGISTRY_TOKEN_SECONDS,
            "jti": str(uuid.uuid4()),
            "access": access,
        }
        return jwt.encode(claims, self._key, algorithm="ES256", headers={"x5c": self._x5c}), now
