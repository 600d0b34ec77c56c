"""Services beyond the registry and IAM Identity, as far as roles and custom roles are about them.

Source: IBM's docs on the roles and actions of services. What is not in this file is answered with 501.
"""

from __future__ import annotations

from dataclasses import dataclass

_VIEWING = ("Viewer", "Operator", "Editor", "Administrator")
_OPERATING = ("Operator", "Editor", "Administrator")
_EDITING = ("Editor", "Administrator")
_READING = ("Viewer", *_EDITING)
_READS = ("read", "list")
_CHANGES = ("create", "update", "delete")


@dataclass(frozen=True, slots=True)
class Service:
    """A service: its own roles, and the roles that carry each of its actions; more actions exist than are here."""

    roles: tuple[str, ...]
    actions: dict[str, tuple[str, ...]]


OTHERS = {
    "iam-groups": Service(
        (),
        {
            **{f"iam-groups.{kind}.{verb}": _READING for kind in ("groups", "members", "rules") for verb in _READS},
            **{f"iam-groups.{kind}.{verb}": _EDITING for kind in ("groups", "rules") for verb in _CHANGES},
            **{f"iam-groups.members.{verb}": _EDITING for verb in ("add", "delete")},
            "iam-groups.groups.audit": _READING,
            "iam-groups.account-settings.read": _READING,
            "iam-groups.account-settings.update": ("Administrator",),
        },
    ),
    "is": Service(
        (),
        {
            **{f"is.image.image.{verb}": _VIEWING for verb in _READS},
            **{f"is.image.image.{verb}": _EDITING for verb in _CHANGES},
            **{f"is.image.image.{verb}": _OPERATING for verb in ("provision", "operate")},
        },
    ),
    "containers-kubernetes": Service(
        ("Reader", "Writer", "Manager"),
        {
            "containers-kubernetes.cluster.create": ("Administrator",),
            "containers-kubernetes.cluster.read": _VIEWING,
            "containers-kubernetes.cluster.operate": ("Operator", "Administrator"),
            "containers-kubernetes.cluster.update": ("Editor", "Administrator"),
            "containers-kubernetes.kube.read": ("Reader",),
            "containers-kubernetes.kube.write": ("Writer",),
            "containers-kubernetes.kube.manage": ("Manager",),
        },
    ),
    "cloud-object-storage": Service(
        ("Reader", "Writer", "Manager"),
        {
            "cloud-object-storage.object.get_tagging": ("Reader", "Writer", "Manager"),
            "cloud-object-storage.object.put_tagging": ("Writer", "Manager"),
            "cloud-object-storage.object.get_uploads": ("Reader", "Writer", "Manager"),
            "cloud-object-storage.object.delete_upload": ("Writer", "Manager"),
            "cloud-object-storage.object.restore": ("Writer", "Manager"),
            "cloud-object-storage.object.post_multi_delete": ("Writer", "Manager"),
        },
    ),
}
