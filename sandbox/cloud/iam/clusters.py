"""The Kubernetes clusters whose ServiceAccounts IAM knows, and their tokens: what a trusted profile's links name.

[
  {
    "crn": "crn:v1:bluemix:public:containers-kubernetes:jp-tok:a/ACCOUNT:CLUSTER::",
    "issuer": "https://kubernetes.default.svc.cluster.local",
    "keys": [{"kty": "EC", "crv": "P-256", "x": "...", "y": "..."}]
  }
]

`issuer` and `keys` are what `kubectl get --raw /.well-known/openid-configuration` and `kubectl get --raw
/openid/v1/jwks` show; `cr_type` may say ROKS_SA.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import jwt
import msgspec

from sandbox.cloud.core.watched import Watched

AUDIENCE = "iam"
LONGEST = 3600
"""Seconds: a token for IAM that lives longer is refused, by IBM's docs on trusted profiles in clusters."""


class NotEligibleError(Exception):
    """A compute resource's token that gets nobody in; the text says why."""


class Cluster(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A cluster, with the public keys that its ServiceAccounts' tokens are signed with, as JSON Web Keys."""

    crn: str
    issuer: str
    keys: list[dict[str, str]]
    cr_type: Literal["IKS_SA", "ROKS_SA"] = "IKS_SA"


class ServiceAccount(msgspec.Struct, frozen=True):
    """A ServiceAccount that a cluster vouches for."""

    cr_type: str
    crn: str
    namespace: str
    name: str

    def claims(self) -> dict[str, str]:
        """Return what the claim rules of a profile can ask for."""
        return {"crn": self.crn, "namespace": self.namespace, "name": self.name}


class _Account(msgspec.Struct):
    name: str


class _Origin(msgspec.Struct):
    namespace: str
    serviceaccount: _Account


class _Claims(msgspec.Struct):
    iss: str
    aud: list[str] | str
    iat: float
    exp: float
    origin: _Origin = msgspec.field(name="kubernetes.io")
    nbf: float = 0


class Clusters(Watched[Cluster]):
    """The file of clusters, read again whenever it changes; no file means that no compute resource is known."""

    def __init__(self, path: Path | None = None) -> None:
        example = '[{"crn": "crn:v1:...", "issuer": "https://...", "keys": [{"kty": "EC", ...}]}]'
        super().__init__(path, Cluster, "clusters", example)

    def vouched(self, token: str, now: float) -> ServiceAccount:
        """Return the ServiceAccount that a token is for; `now` is in seconds.

        Raises:
            NotEligibleError: no known cluster has signed it, or it isn't for IAM, or not for this time.

        """
        for cluster in self.known():
            for key in cluster.keys:
                if (claims := _verified(token, key)) is not None:
                    return _judged(cluster, claims, now)
        raise NotEligibleError("no cluster that IAM knows has signed the token")


def _verified(token: str, key: dict[str, str]) -> _Claims | None:
    """Return what the token says if this key has signed it. Times and audience are judged by the caller's clock."""
    try:
        claims = jwt.decode(
            token,
            jwt.PyJWK(key),
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False},
        )
        return msgspec.convert(claims, _Claims)
    except (jwt.PyJWTError, msgspec.ValidationError):
        return None


def _judged(cluster: Cluster, claims: _Claims, now: float) -> ServiceAccount:
    audiences = [claims.aud] if isinstance(claims.aud, str) else claims.aud
    for problem, reason in (
        (claims.iss != cluster.issuer, f"the token's issuer is {claims.iss}, not {cluster.issuer}"),
        (AUDIENCE not in audiences, f"the token is for {', '.join(audiences)}, not for the audience {AUDIENCE}"),
        (now >= claims.exp, "the token has expired"),
        (now < claims.nbf, "the token isn't valid yet"),
        (claims.exp - claims.iat > LONGEST, f"the token lives longer than {LONGEST} seconds"),
    ):
        if problem:
            raise NotEligibleError(reason)
    origin = claims.origin
    return ServiceAccount(cluster.cr_type, cluster.crn, origin.namespace, origin.serviceaccount.name)
