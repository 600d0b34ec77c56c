"""Pulumi resources of the provider `ibm-native`: IBM Cloud IAM and Container Registry.

Importing this is cheap: IBM's SDKs are loaded by the plugin process only.
"""

from ibm_native.configuration import Provider, ProviderArgs
from ibm_native.iam.access_policy import AccessPolicy, AccessPolicyArgs
from ibm_native.iam.api_key import ApiKey, ApiKeyArgs
from ibm_native.iam.get_roles import GetRolesArgs, GetRolesResult, get_roles
from ibm_native.iam.service_id import ServiceId, ServiceIdArgs
from ibm_native.registry.access import Access, AccessArgs
from ibm_native.registry.get_image import GetImageArgs, GetImageResult, get_image
from ibm_native.registry.get_namespaces import GetNamespacesArgs, GetNamespacesResult, get_namespaces
from ibm_native.registry.get_quota import GetQuotaArgs, GetQuotaResult, get_quota
from ibm_native.registry.namespace import Namespace, NamespaceArgs
from ibm_native.registry.plan import Plan, PlanArgs
from ibm_native.registry.quota import Quota, QuotaArgs
from ibm_native.registry.retention_policy import RetentionPolicy, RetentionPolicyArgs
from ibm_native.registry.scan_gate import ScanGate, ScanGateArgs
from ibm_native.resources.get_resource_group import GetResourceGroupArgs, GetResourceGroupResult, get_resource_group

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
