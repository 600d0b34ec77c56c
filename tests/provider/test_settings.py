"""Plan, quota and retention policy: what was there before comes back; a broken-off create doesn't forget it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.cloud.testing import StandIn
from tests.cloud.clients import clients
from tests.provider.engine import Engine, RefusedError
from tests.provider.wire import Trouble, Wire

pytestmark = pytest.mark.provider

NAMESPACE = "ibm-native:registry:Namespace"
RETENTION = "ibm-native:registry:RetentionPolicy"
QUOTA = "ibm-native:registry:Quota"
PLAN = "ibm-native:registry:Plan"
GET_QUOTA = "ibm-native:registry:getQuota"
KEEP = {"namespace": "my-images", "region": "jp-tok", "imagesPerRepo": 5}


async def storage(engine: Engine) -> int:
    found, _ = await engine.invoke(GET_QUOTA, {"region": "jp-tok"})
    return int(found["storageLimitBytes"]) >> 20


async def test_a_quota_sets_one_limit_and_sets_it_back(engine: Engine) -> None:
    before = await storage(engine)
    made = await engine.make(QUOTA, {"region": "jp-tok", "storageMegabytes": 100})
    assert made.outputs["previousStorageMegabytes"] == before
    assert "trafficMegabytes" not in made.outputs
    assert await engine.refresh(made) == made
    assert await storage(engine) == 100
    lower = await engine.update(made, storageMegabytes=50)
    assert lower.outputs["previousStorageMegabytes"] == before
    await engine.delete(lower)
    assert await storage(engine) == before


async def test_a_limit_that_is_taken_out_goes_back_to_what_it_was(engine: Engine) -> None:
    before = await storage(engine)
    made = await engine.make(QUOTA, {"region": "jp-tok", "storageMegabytes": 100, "trafficMegabytes": 1000})
    changed = await engine.update(made, storageMegabytes=None)
    assert await storage(engine) == before
    assert await engine.refresh(changed) == changed


async def test_a_limit_that_a_quota_never_set_stays_as_somebody_else_sets_it(engine: Engine, cloud: StandIn) -> None:
    made = await engine.make(QUOTA, {"region": "jp-tok", "storageMegabytes": 100})
    clients(cloud, region="jp-tok").registry.update_quota(traffic_megabytes=700)
    await engine.update(made, storageMegabytes=50)
    found, _ = await engine.invoke(GET_QUOTA, {"region": "jp-tok"})
    assert (int(found["storageLimitBytes"]) >> 20, int(found["trafficLimitBytes"]) >> 20) == (50, 700)


async def test_a_quota_that_the_free_plan_lacks_is_refused_with_ibm_s_words(engine: Engine) -> None:
    with pytest.raises(RefusedError, match="Free plan"):
        await engine.make(QUOTA, {"region": "jp-tok", "storageMegabytes": 10_000})


async def test_what_was_there_before_a_broken_off_create_is_what_comes_back(engine: Engine) -> None:
    before = await storage(engine)
    await engine.make(QUOTA, {"region": "jp-tok", "storageMegabytes": 100})
    again = await engine.make(QUOTA, {"region": "jp-tok", "storageMegabytes": 100})
    assert again.outputs["previousStorageMegabytes"] == before
    await engine.delete(again)
    assert await storage(engine) == before


async def test_a_plan_that_ibm_doesn_t_take_back_stays_with_a_notice(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    made = await engine.make(PLAN, {"region": "jp-tok", "plan": "Standard"})
    assert made.outputs["previousPlan"] == "Free"
    await engine.delete(made)
    assert await engine.refresh(made) == made
    assert "can't be changed back to Free" in capsys.readouterr().err


async def test_a_delete_that_lacks_a_right_fails(engine: Engine, wire: Wire) -> None:
    made = await engine.make(QUOTA, {"region": "jp-tok", "storageMegabytes": 100})
    wire.troubles = [Trouble("PATCH /api/v1/quotas", "answer", status=403)]
    with pytest.raises(RefusedError, match="role Manager on container-registry"):
        await engine.delete(made)


async def test_the_retention_policy_from_before_comes_back(engine: Engine) -> None:
    await engine.make(NAMESPACE, {"name": "my-images", "region": "jp-tok"})
    first = await engine.make(RETENTION, KEEP, name="first")
    assert first.outputs["previousImagesPerRepo"] == -1
    second = await engine.make(RETENTION, {**KEEP, "imagesPerRepo": 9}, name="second")
    assert second.outputs["previousImagesPerRepo"] == 5
    await engine.delete(second)
    assert await engine.refresh(first) == first
    await engine.delete(first)
    assert await engine.refresh(first) is None


async def test_a_delete_with_nothing_to_do_forgets_its_note_too(engine: Engine, tmp_path: Path) -> None:
    """A later create would take a note that is left for its own, and bring back what was there before it."""
    space = await engine.make(NAMESPACE, {"name": "my-images", "region": "jp-tok"}, name="theirs")
    adopted = await engine.make(NAMESPACE, {"name": "my-images", "region": "jp-tok", "adopt": True})
    plan = await engine.make(PLAN, {"region": "jp-tok", "plan": "Free"})
    keep = await engine.make(RETENTION, KEEP)
    for each in (adopted, plan, space, keep):
        await engine.delete(each)
    assert list((tmp_path / "journal").iterdir()) == []


async def test_a_retention_policy_goes_with_its_namespace(engine: Engine) -> None:
    space = await engine.make(NAMESPACE, {"name": "my-images", "region": "jp-tok"})
    made = await engine.make(RETENTION, KEEP)
    await engine.delete(space)
    assert await engine.refresh(made) is None
    await engine.delete(made)


@pytest.mark.parametrize(
    ("token", "inputs", "path"),
    [
        (RETENTION, {**KEEP, "imagesPerRepo": -1, "retainUntagged": True}, "imagesPerRepo"),
        (RETENTION, {**KEEP, "imagesPerRepo": 0}, "imagesPerRepo"),
        (QUOTA, {"region": "jp-tok"}, "storageMegabytes"),
        (QUOTA, {"region": "jp-tok", "storageMegabytes": -2}, "storageMegabytes"),
        (PLAN, {"region": "jp-tok", "plan": "Gold"}, "plan"),
    ],
)
async def test_a_setting_that_means_nothing_is_refused(
    engine: Engine, token: str, inputs: dict[str, object], path: str
) -> None:
    _, failures = await engine.check(token, inputs)
    assert set(failures) == {path}


@pytest.mark.parametrize(("token", "wrong"), [(PLAN, "mars"), (QUOTA, ""), (RETENTION, "my-images")])
async def test_an_id_that_is_none_is_explained(engine: Engine, cloud: StandIn, token: str, wrong: str) -> None:
    del cloud
    with pytest.raises(RefusedError, match="that is no id of one\nAn id is "):
        await engine.bring_in(token, wrong)
