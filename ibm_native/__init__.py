"""Pulumi resources of the provider `ibm-native`: IBM Cloud IAM and Container Registry.

Importing this is cheap: IBM's SDKs are loaded by the plugin process only.
"""

from ibm_native.access import Access, AccessArgs
from ibm_native.access_policy import AccessPolicy, AccessPolicyArgs
from ibm_native.api_key import ApiKey, ApiKeyArgs
from ibm_native.namespace import Namespace, NamespaceArgs
from ibm_native.service_id import ServiceId, ServiceIdArgs
from ibm_native.settings import Provider, ProviderArgs

__all__ = [
    "Access",
    "AccessArgs",
    "AccessPolicy",
    "AccessPolicyArgs",
    "ApiKey",
    "ApiKeyArgs",
    "Namespace",
    "NamespaceArgs",
    "Provider",
    "ProviderArgs",
    "ServiceId",
    "ServiceIdArgs",
]
