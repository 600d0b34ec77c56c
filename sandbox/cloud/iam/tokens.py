"""IAM's access and refresh tokens: JWTs that the stand-in signs and checks, with the claims that IBM documents."""

from __future__ import annotations

import base64
import hashlib
import uuid
from dataclasses import dataclass

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from sandbox.cloud.core import unverified
from sandbox.cloud.errors.base import InvalidTokenError
from sandbox.cloud.iam.identities import is_service_id

ISSUER = "https://iam.cloud.ibm.com/identity"
LIFETIME = 3600
"""Seconds that an access token is valid."""

SCOPE = "ibm openid"

GRANTS = "urn:ibm:params:oauth:grant-type:"
APIKEY = f"{GRANTS}apikey"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a token speaks for. `name` is a service ID's or a trusted profile's name, or a user's e-mail address.

    `by` is the IAM ID of who has assumed the profile, `grant` how that was proved.
    """

    iam_id: str
    account_id: str
    name: str
    by: str | None = None
    grant: str = APIKEY


class IamTokens:
    """Signs and checks tokens with one RSA key; times are seconds since 1970, from the stand-in's clock."""

    def __init__(self, key: RSAPrivateKey) -> None:
        self._key = key
        self._public = key.public_key()
        numbers = self._public.public_numbers()
        self._jwk = {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e), "alg": "RS256"}
        self._kid = hashlib.sha256(self._jwk["n"].encode()).hexdigest()[:16]

    def keys(self) -> dict[str, object]:
        """Return the public key as GET /identity/keys shows it."""
        return {"keys": [{**self._jwk, "kid": self._kid}]}

    def access(self, identity: Identity, now: float, lifetime: int = LIFETIME) -> str:
        """Make an access token that is valid for so many seconds."""
        return self._sign(_claims(identity), int(now), lifetime)

    def refresh(self, identity: Identity, now: float) -> str:
        """Make a refresh token, which is good for a registry login and for nothing else here."""
        claims: dict[str, object] = {
            "iam_id": identity.iam_id,
            "account": {"bss": identity.account_id},
            "typ": "refresh",
        }
        return self._sign(claims, int(now), unverified.REFRESH_TOKEN_SECONDS)

    def verify(self, token: str, now: float, typ: str | None = None) -> tuple[str, str]:
        """Return the IAM ID and the account that a token speaks for; `typ` is `refresh` for a refresh token.

        Raises:
            InvalidTokenError: it isn't one of ours, is of the other kind, or has expired.

        """
        # Expiry is judged below, by the stand-in's clock, which PyJWT doesn't know.
        try:
            claims = jwt.decode(
                token,
                self._public,
                algorithms=["RS256"],
                options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
        except jwt.InvalidTokenError as error:
            raise InvalidTokenError("not a token of this IAM") from error
        if claims.get("typ") != typ or now >= float(claims["exp"]):
            raise InvalidTokenError("expired, or not a token for this purpose")
        return str(claims["iam_id"]), str(claims["account"]["bss"])

    def _sign(self, claims: dict[str, object], now: int, lifetime: int) -> str:
        times = {"iat": now, "exp": now + lifetime, "jti": str(uuid.uuid4())}
        return jwt.encode({**claims, **times}, self._key, algorithm="RS256", headers={"kid": self._kid})


def _claims(identity: Identity) -> dict[str, object]:
    sub_type = sub_type_of(identity.iam_id)
    subject = identity.iam_id.removeprefix("iam-") if sub_type else identity.name
    who = {"sub": subject, "iam_id": identity.iam_id, "name": identity.name}
    kind = {"sub_type": sub_type} if sub_type else {}
    by = identity.by
    return {
        "iam_id": identity.iam_id,
        "id": identity.iam_id,
        "realmid": "iam" if sub_type else "IBMid",
        "identifier": identity.iam_id.removeprefix("iam-").removeprefix("IBMid-"),
        "name": identity.name,
        "sub": subject,
        **kind,
        **({} if sub_type else {"email": identity.name}),
        "authn": {"sub": by.removeprefix("iam-"), "iam_id": by} if by else who | kind,
        "account": {"valid": True, "bss": identity.account_id},
        "iss": ISSUER,
        "grant_type": identity.grant,
        "scope": SCOPE,
        "client_id": "default",
        "acr": 1,
        "amr": ["pwd"],
    }


def sub_type_of(iam_id: str) -> str | None:
    """Return what a token calls an identity that is no user."""
    if is_service_id(iam_id):
        return "ServiceId"
    return "Profile" if iam_id.startswith("iam-Profile-") else None


def _number(value: int) -> str:
    raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
