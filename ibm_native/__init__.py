"""Pulumi resources of the provider `ibm-native`: IBM Cloud IAM and Container Registry.

Importing this is cheap: IBM's SDKs are loaded by the plugin process only.
"""

from ibm_native.access import Access, AccessArgs
from ibm_native.access_policy import AccessPolicy, AccessPolicyArgs
from ibm_native.api_key import ApiKey, ApiKeyArgs
from ibm_native.lookups import (
    GetImageArgs,
    GetImageResult,
    GetNamespacesArgs,
    GetNamespacesResult,
    GetQuotaArgs,
    GetQuotaResult,
    GetResourceGroupArgs,
    GetResourceGroupResult,
    GetRolesArgs,
    GetRolesResult,
    get_image,
    get_namespaces,
    get_quota,
    get_resource_group,
    get_roles,
)
from ibm_native.namespace import Namespace, NamespaceArgs
from ibm_native.plan import Plan, PlanArgs
from ibm_native.quota import Quota, QuotaArgs
from ibm_native.retention_policy import RetentionPolicy, RetentionPolicyArgs
from ibm_native.scan_gate import ScanGate, ScanGateArgs
from ibm_native.service_id import ServiceId, ServiceIdArgs
from ibm_native.settings import Provider, ProviderArgs

__all__ = [
    "Access",
    "AccessArgs",
    "AccessPolicy",
    "AccessPolicyArgs",
    "ApiKey",
    "ApiKeyArgs",
    "GetImageArgs",
    "GetImageResult",
    "GetNamespacesArgs",
    "GetNamespacesResult",
    "GetQuotaArgs",
    "GetQuotaResult",
    "GetResourceGroupArgs",
    "GetResourceGroupResult",
    "GetRolesArgs",
    "GetRolesResult",
    "Namespace",
    "NamespaceArgs",
    "Plan",
    "PlanArgs",
    "Provider",
    "ProviderArgs",
    "Quota",
    "QuotaArgs",
    "RetentionPolicy",
    "RetentionPolicyArgs",
    "ScanGate",
    "ScanGateArgs",
    "ServiceId",
    "ServiceIdArgs",
    "get_image",
    "get_namespaces",
    "get_quota",
    "get_resource_group",
    "get_roles",
]
