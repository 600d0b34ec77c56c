"""Rules of policies: conditions on time and on the resource, judged by the stand-in's clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.cloud.errors.base import MalformedError
from sandbox.cloud.iam.policy_rule import ALL_DAY, ATTRIBUTES, CUSTOM_HOURS, ONCE, compile_rule
from sandbox.cloud.testing import StandIn
from tests.cloud.clients import REGISTRY, Clients, Json, clients, make_robot, policy, refused, role

pytestmark = [pytest.mark.cloud, pytest.mark.verified]


def about(key: str, operator: str, value: object, of: str = "environment") -> Json:
    return {"key": f"{{{{{of}.attributes.{key}}}}}", "operator": operator, "value": value}


WEEKDAYS = about("day_of_week", "dayOfWeekAnyOf", [f"{day}+09:00" for day in range(1, 6)])
FROM_NINE = about("current_time", "timeGreaterThanOrEquals", "09:00:00+09:00")
TO_FIVE = about("current_time", "timeLessThanOrEquals", "17:00:00+09:00")
OFFICE_HOURS: Json = {"operator": "and", "conditions": [WEEKDAYS, FROM_NINE, TO_FIVE]}


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-23T00:00:00+00:00", True),  # Monday, nine o'clock in Tokyo
        ("2026-11-22T23:59:59+00:00", False),  # a second before it
        ("2026-11-23T08:00:00+00:00", True),
        ("2026-11-23T08:00:01+00:00", False),
        ("2026-11-27T07:00:00+00:00", True),  # Friday
        ("2026-11-28T07:00:00+00:00", False),  # Saturday
    ],
)
def test_office_hours_are_those_of_the_offset_that_the_rule_names(now: str, *, expected: bool) -> None:
    rule = compile_rule(CUSTOM_HOURS, OFFICE_HOURS)
    assert rule is not None
    assert rule({}, datetime.fromisoformat(now)) == expected


@pytest.mark.parametrize(
    ("pattern", "rule", "expected"),
    [
        (ONCE, about("current_date_time", "dateTimeLessThan", "2026-11-24T12:00:01+00:00"), True),
        (ONCE, about("current_date_time", "dateTimeGreaterThan", "2026-11-24T12:00:00+00:00"), False),
        (ONCE, about("current_date", "dateLessThanOrEquals", "2026-11-24+00:00"), True),
        (ONCE, about("current_date", "dateGreaterThan", "2026-11-24+00:00"), False),
        (ALL_DAY, about("day_of_week", "dayOfWeekEquals", "2+00:00"), True),
        (ALL_DAY, about("day_of_week", "dayOfWeekEquals", "2+14:00"), False),
        (ATTRIBUTES, about("resource", "stringMatch", "team-*", "resource"), True),
        (ATTRIBUTES, about("resource", "stringEquals", "team-b", "resource"), False),
        (ATTRIBUTES, about("prefix", "stringExists", value=False, of="resource"), True),
    ],
)
def test_each_kind_of_condition_is_judged(pattern: str, rule: Json, *, expected: bool) -> None:
    holds = compile_rule(pattern, rule)
    assert holds is not None
    assert holds({"resource": "team-a"}, datetime(2026, 11, 24, 12, tzinfo=UTC)) == expected


def test_conditions_are_joined_by_or_two_levels_deep() -> None:
    inner: Json = {"operator": "and", "conditions": [about("region", "stringEquals", "jp-tok", "resource")]}
    rule: Json = {"operator": "or", "conditions": [inner, about("resource", "stringEquals", "mine", "resource")]}
    holds = compile_rule(ATTRIBUTES, rule)
    assert holds is not None
    now = datetime.now(UTC)
    found = [holds(target, now) for target in ({"region": "jp-tok"}, {"resource": "mine"}, {"region": "eu-de"})]
    assert found == [True, True, False]


def deep(levels: int) -> Json:
    rule = FROM_NINE
    for _ in range(levels):
        rule = {"operator": "and", "conditions": [rule]}
    return rule


BAD: list[tuple[Any, Any, str]] = [
    (CUSTOM_HOURS, None, "a pattern its rule"),
    (None, FROM_NINE, "needs the pattern"),
    ("time-based-conditions:monthly", FROM_NINE, "pattern must be one of"),
    (CUSTOM_HOURS, {"operator": "and", "conditions": [FROM_NINE] * 11}, "at most 10"),
    (CUSTOM_HOURS, deep(3), "2 levels deep"),
    (CUSTOM_HOURS, {"operator": "xor", "conditions": [FROM_NINE]}, "'and' or 'or'"),
    (CUSTOM_HOURS, {"operator": "and", "conditions": []}, "list of objects"),
    (CUSTOM_HOURS, about("current_time", "timeLessThan", "9 o'clock"), "can't be read"),
    (CUSTOM_HOURS, about("current_time", "timeLessThan", "09:00:00"), "can't be read"),
    (CUSTOM_HOURS, about("current_time", "dateLessThan", "09:00:00+00:00"), "no operator"),
    (CUSTOM_HOURS, about("day_of_week", "dayOfWeekEquals", "8+00:00"), "can't be read"),
    (CUSTOM_HOURS, about("moon", "timeLessThan", "09:00:00+00:00"), "no operator"),
    (CUSTOM_HOURS, about("current_time", "timeLessThan", "09:00:00+00:00", "resource"), "environment"),
    (CUSTOM_HOURS, {"key": "time", "operator": "timeLessThan", "value": "x"}, "a key such as"),
    (ATTRIBUTES, about("resource", "timeLessThan", "x", "resource"), "must be one of"),
]


@pytest.mark.parametrize(("pattern", "rule", "message"), BAD)
def test_a_rule_that_breaks_the_rules_is_refused(pattern: str | None, rule: Json | None, message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        compile_rule(pattern, rule)


def test_a_rule_is_enforced_by_the_clock_and_shown_as_it_was_given(cloud: StandIn, owner: Clients) -> None:
    robot = make_robot(cloud)
    body = policy(robot.iam_id, [role("Reader")], accountId=cloud.account_id, serviceName=REGISTRY)
    made = owner.policies.create_v2_policy(**body, pattern=CUSTOM_HOURS, rule=OFFICE_HOURS).get_result()
    assert (made["pattern"], made["rule"]) == (CUSTOM_HOURS, OFFICE_HOURS)
    cloud.clock.set(datetime(2026, 11, 24, 1, tzinfo=UTC).timestamp())
    assert clients(cloud, robot.key).registry.list_namespaces().get_status_code() == 200
    cloud.clock.advance(12 * 3600)
    with refused(403, "CRG0020E", "not authorized"):
        clients(cloud, robot.key).registry.list_namespaces()


def test_policies_that_differ_in_their_rule_are_no_conflict(cloud: StandIn, owner: Clients) -> None:
    robot = make_robot(cloud)
    body = policy(robot.iam_id, [role("Reader")], accountId=cloud.account_id, serviceName=REGISTRY)
    owner.policies.create_v2_policy(**body)
    owner.policies.create_v2_policy(**body, pattern=CUSTOM_HOURS, rule=OFFICE_HOURS)
    with refused(409, "policy_conflict_error", "exists"):
        owner.policies.create_v2_policy(**body, pattern=CUSTOM_HOURS, rule=OFFICE_HOURS)
    with refused(400, "invalid_body", "needs the pattern"):
        owner.policies.create_v2_policy(**body, rule=OFFICE_HOURS)
