"""The provider's functions: what is there, looked up and not managed."""

from __future__ import annotations

from typing import Any

from ibm_native.iam.get_roles import get_roles
from ibm_native.model.function import Function
from ibm_native.registry.get_image import get_image
from ibm_native.registry.get_namespaces import get_namespaces
from ibm_native.registry.get_quota import get_quota
from ibm_native.resources.get_resource_group import get_resource_group

FUNCTIONS: tuple[Function[Any, Any], ...] = (get_image, get_namespaces, get_quota, get_roles, get_resource_group)
