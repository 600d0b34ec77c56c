"""Services beyond the registry and IAM, as far as roles and custom roles are about them: nothing of them is here.

Source: IBM's docs on the roles and actions of services; those of iam-groups from the live tests of IBM's SDKs. What is
not in this file is answered with 501.
"""

from __future__ import annotations

from dataclasses import dataclass

_VIEWING = ("Viewer", "Operator", "Editor", "Administrator")


@dataclass(frozen=True, slots=True)
class Service:
    """A service: its own roles, and the roles that carry each of its actions; more actions exist than are here."""

    roles: tuple[str, ...]
    actions: dict[str, tuple[str, ...]]


OTHERS = {
    "iam-groups": Service((), {"iam-groups.groups.read": _VIEWING}),
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
