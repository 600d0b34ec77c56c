"""The proof of access: a good key passes, a bad one fails in time and with its cause."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from ibm_native.cloud.errors import scrub
from ibm_native.registry import login
from ibm_native.registry.login import Pull, Refused, attempt
from sandbox.cloud.testing import StandIn
from tests.provider.conftest import FastPace
from tests.provider.engine import UNKNOWN, Engine, RefusedError, Secret
from tests.provider.registry import Registry

pytestmark = pytest.mark.provider

ACCESS = "ibm-native:registry:Access"
DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def registry(cloud: StandIn) -> Iterator[Registry]:
    with Registry(cloud.url) as found:
        found.images.add(f"my-images/nginx@{DIGEST}")
        yield found


async def reader(engine: Engine, *, namespace: str = "my-images") -> Secret:
    """Return the key of a service ID that reads one namespace."""
    await engine.make("ibm-native:registry:Namespace", {"name": "my-images", "region": "jp-tok"})
    identity = await engine.make("ibm-native:iam:ServiceId", {"name": "puller"})
    iam_id = identity.outputs["iamId"]
    policy = {"iamId": iam_id, "roles": ["Reader"], "region": "jp-tok", "namespace": namespace}
    await engine.make("ibm-native:iam:AccessPolicy", policy)
    key = await engine.make("ibm-native:iam:ApiKey", {"name": "key", "iamId": iam_id})
    return key.outputs["apiKey"]


def inputs(registry: Registry, key: object, **changes: Any) -> dict[str, Any]:
    return {
        "registryHost": registry.host,
        "repository": "my-images/nginx",
        "digest": DIGEST,
        "apiKey": key,
        "policyId": "a-policy",
        **changes,
    }


async def test_a_good_key_is_proved_and_handed_on_as_a_secret(engine: Engine, registry: Registry) -> None:
    key = await reader(engine)
    made = await engine.make(ACCESS, inputs(registry, key))
    assert made.outputs["apiKey"] == key
    assert made.id == f"{registry.host}/my-images/nginx"
    assert "digest" not in made.outputs
    assert registry.reads == [f"HEAD /v2/my-images/nginx/manifests/{DIGEST}"]
    assert await engine.refresh(made) == made
    await engine.delete(made)


async def test_only_what_rights_depend_on_asks_for_a_new_proof(engine: Engine, registry: Registry) -> None:
    made = await engine.make(ACCESS, inputs(registry, await reader(engine)))
    quiet = await engine.diff(made, digest="sha256:" + "b" * 64, timeoutSeconds=99)
    assert not quiet.changes
    loud = {"apiKey": "another", "policyId": "p", "registryHost": "jp.icr.io", "repository": "a/b"}
    for name, value in loud.items():
        assert (await engine.diff(made, **{name: value})).kinds == {name: "UPDATE"}


async def test_an_update_proves_again(engine: Engine, registry: Registry) -> None:
    key = await reader(engine)
    made = await engine.make(ACCESS, inputs(registry, key))
    registry.reads.clear()
    updated = await engine.update(made, policyId="a-new-policy")
    assert updated.outputs["policyId"] == "a-new-policy"
    assert len(registry.reads) == 1


async def test_a_preview_proves_nothing_and_passes_a_known_key_on(engine: Engine, registry: Registry) -> None:
    unknown = await engine.preview(ACCESS, inputs(registry, UNKNOWN, digest=UNKNOWN))
    assert unknown["apiKey"] == Secret(UNKNOWN)
    known = await engine.preview(ACCESS, inputs(registry, Secret("a-known-key"), digest=UNKNOWN))
    assert known["apiKey"] == Secret("a-known-key")
    assert registry.basics == []


async def test_iam_s_delay_is_waited_out(engine: Engine, registry: Registry, pace: FastPace) -> None:
    key = await reader(engine)
    registry.refusal, registry.refusals_left = (403, "{}"), 8
    await engine.make(ACCESS, inputs(registry, key))
    assert sum(pace.waits) > 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"apiKey": "an-unknown-key-of-some-length"}, "doesn't know the API key"),
        ({"repository": "other-images/nginx"}, "may not pull other-images/nginx.* for namespace other-images"),
        ({"digest": "sha256:" + "b" * 64}, "has no image my-images/nginx@sha256:b"),
    ],
)
async def test_what_stays_wrong_fails_in_time_with_its_cause(
    engine: Engine, registry: Registry, pace: FastPace, changes: dict[str, Any], message: str
) -> None:
    key = await reader(engine)
    pace.waits.clear()
    with pytest.raises(RefusedError, match=f"(?s)after 30 s of attempts: .*{message}") as refused:
        await engine.make(ACCESS, inputs(registry, key, **changes))
    assert sum(pace.waits) <= 30
    assert key.value not in refused.value.message
    assert "an-unknown-key" not in refused.value.message


async def test_the_wait_is_the_user_s_choice(engine: Engine, registry: Registry, pace: FastPace) -> None:
    with pytest.raises(RefusedError, match="after 3 s of attempts"):
        await engine.make(ACCESS, inputs(registry, "an-unknown-key-of-some-length", timeoutSeconds=3))
    assert sum(pace.waits) <= 3


async def test_a_right_for_another_namespace_is_no_right(engine: Engine, registry: Registry) -> None:
    key = await reader(engine, namespace="other-images")
    with pytest.raises(RefusedError, match="is known, but may not pull my-images/nginx"):
        await engine.make(ACCESS, inputs(registry, key))


async def test_a_spent_quota_fails_at_once_in_ibm_s_words(engine: Engine, registry: Registry, pace: FastPace) -> None:
    key = await reader(engine)
    pace.waits.clear()
    told = "Your account has exceeded its pull traffic quota for the current month."
    registry.refusal = (403, f'{{"errors": [{{"code": "DENIED", "message": "{told}"}}]}}')
    with pytest.raises(RefusedError, match=told):
        await engine.make(ACCESS, inputs(registry, key))
    assert pace.waits == []


async def test_a_key_is_never_sent_where_a_header_says(engine: Engine, registry: Registry, cloud: StandIn) -> None:
    key = await reader(engine)
    with Registry(cloud.url) as elsewhere:
        registry.realm = f"http://{elsewhere.host}/oauth/token"
        with pytest.raises(RefusedError, match="another host\nThe key was not sent there"):
            await engine.make(ACCESS, inputs(registry, key))
        assert elsewhere.basics == []
    assert registry.basics == []


@pytest.mark.parametrize("path", ["/v2/", "/oauth/token", f"/v2/my-images/nginx/manifests/{DIGEST}"])
async def test_neither_a_key_nor_a_token_follows_a_redirect(
    engine: Engine, registry: Registry, cloud: StandIn, path: str
) -> None:
    key = await reader(engine)
    with Registry(cloud.url) as elsewhere:
        elsewhere.images |= registry.images
        registry.redirects[path] = f"http://{elsewhere.host}{path}"
        with pytest.raises(RefusedError, match="HTTP 307"):
            await engine.make(ACCESS, inputs(registry, key, timeoutSeconds=1))
        assert elsewhere.basics == elsewhere.reads == []


@pytest.mark.parametrize(("status", "final"), [(499, True), (500, False)])
def test_only_a_fault_of_the_hosts_own_is_worth_another_try(registry: Registry, status: int, final: bool) -> None:
    registry.statuses["/v2/"] = status
    found = attempt(Pull(registry.host, "my-images/nginx", DIGEST, "some-key-of-some-length"))
    assert isinstance(found, Refused)
    assert (f"(HTTP {status} for /v2/)" in found.why, found.final) == (True, final)


@pytest.mark.parametrize(("status", "of_key"), [(399, False), (400, True), (401, True), (402, False)])
def test_a_login_s_status_tells_whether_it_is_the_key(registry: Registry, status: int, of_key: bool) -> None:
    registry.statuses["/oauth/token"] = status
    found = attempt(Pull(registry.host, "my-images/nginx", DIGEST, "some-key-of-some-length"))
    assert isinstance(found, Refused)
    assert ("doesn't know the API key" in found.why, found.of_key) == (of_key, of_key)
    assert f"(HTTP {status})" in found.why


async def test_a_registry_that_hangs_is_named_in_time_and_a_cancel_doesn_t_wait_for_it(
    engine: Engine, pace: FastPace
) -> None:
    mute = socket.create_server(("127.0.0.1", 0))
    host = "127.0.0.1:{1}".format(*mute.getsockname())
    given = {"registryHost": host, "repository": "my-images/nginx", "digest": DIGEST, "policyId": "p"}
    async with asyncio.timeout(5):
        with pytest.raises(RefusedError, match=f"the registry at {host} doesn't answer"):
            await engine.make(ACCESS, {**given, "apiKey": "some-key-of-some-length", "timeoutSeconds": 1})
        waiting = asyncio.create_task(engine.make(ACCESS, {**given, "apiKey": "some-key-of-some-length"}))
        await asyncio.sleep(0)
        pace.cancel()
        with pytest.raises(RefusedError, match="cancelled while waiting"):
            await waiting
    mute.close()


async def test_a_registry_that_answers_everybody_proves_nothing(engine: Engine, registry: Registry) -> None:
    registry.open = True
    with pytest.raises(RefusedError, match=f"the registry at {registry.host} answers everybody, without a login"):
        await engine.make(ACCESS, inputs(registry, "some-key-of-some-length"))


@pytest.mark.parametrize("key", ["a key of the account", "some-key-that-nobody-has"])
async def test_a_registry_that_gives_everybody_a_token_proves_nothing(
    engine: Engine, registry: Registry, pace: FastPace, key: str
) -> None:
    good = await reader(engine)
    pace.waits.clear()
    registry.gives_everybody = True
    with pytest.raises(RefusedError, match=f"{registry.host} gives everybody a token for this image, without a login"):
        await engine.make(ACCESS, inputs(registry, good if key == "a key of the account" else key))
    assert pace.waits == []


async def test_a_token_for_everybody_that_opens_nothing_spoils_no_proof(engine: Engine, registry: Registry) -> None:
    key = await reader(engine)
    registry.tokens_for_nobody = True
    made = await engine.make(ACCESS, inputs(registry, key))
    assert made.outputs["apiKey"] == key
    assert [each[:5] for each in registry.basics] == ["Basic", ""]


async def test_an_unreachable_registry_is_named(engine: Engine, registry: Registry) -> None:
    with pytest.raises(RefusedError, match=r"the registry at 127\.0\.0\.1:9 doesn't answer"):
        await engine.make(ACCESS, inputs(registry, "some-key-of-some-length", registryHost="127.0.0.1:9"))


async def test_a_proof_can_t_be_imported(engine: Engine) -> None:
    with pytest.raises(RefusedError, match="a proof is made, not imported"):
        await engine.bring_in(ACCESS, "jp.icr.io/my-images/nginx")


async def test_a_key_and_the_registrys_token_are_in_no_message_from_then_on(
    engine: Engine, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, concealed = "the-canary-of-an-input", list[str]()
    await engine.check(ACCESS, inputs(registry, Secret(key)))
    assert key not in scrub(f"the service said: {key}")
    monkeypatch.setattr(login, "conceal", concealed.append)
    await engine.make(ACCESS, inputs(registry, await reader(engine)))
    assert len(concealed) == 1
