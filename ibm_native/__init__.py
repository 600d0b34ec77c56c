"""Pulumi resources of the provider `ibm-native`: IBM Cloud IAM and Container Registry.

Importing this is cheap: IBM's SDKs are loaded by the plugin process only.
"""

from typing import TYPE_CHECKING

from ibm_native.configuration import Provider as Provider
from ibm_native.configuration import ProviderArgs as ProviderArgs
from ibm_native.iam.access_policy import AccessPolicy as AccessPolicy
from ibm_native.iam.access_policy import AccessPolicyArgs as AccessPolicyArgs
from ibm_native.iam.api_key import ApiKey as ApiKey
from ibm_native.iam.api_key import ApiKeyArgs as ApiKeyArgs
from ibm_native.iam.get_roles import GetRolesArgs as GetRolesArgs
from ibm_native.iam.get_roles import GetRolesResult as GetRolesResult
from ibm_native.iam.get_roles import get_roles as get_roles
from ibm_native.iam.service_id import ServiceId as ServiceId
from ibm_native.iam.service_id import ServiceIdArgs as ServiceIdArgs
from ibm_native.registry.access import Access as Access
from ibm_native.registry.access import AccessArgs as AccessArgs
from ibm_native.registry.get_image import GetImageArgs as GetImageArgs
from ibm_native.registry.get_image import GetImageResult as GetImageResult
from ibm_native.registry.get_image import get_image as get_image
from ibm_native.registry.get_namespaces import GetNamespacesArgs as GetNamespacesArgs
from ibm_native.registry.get_namespaces import GetNamespacesResult as GetNamespacesResult
from ibm_native.registry.get_namespaces import get_namespaces as get_namespaces
from ibm_native.registry.get_quota import GetQuotaArgs as GetQuotaArgs
from ibm_native.registry.get_quota import GetQuotaResult as GetQuotaResult
from ibm_native.registry.get_quota import get_quota as get_quota
from ibm_native.registry.namespace import Namespace as Namespace
from ibm_native.registry.namespace import NamespaceArgs as NamespaceArgs
from ibm_native.registry.plan import Plan as Plan
from ibm_native.registry.plan import PlanArgs as PlanArgs
from ibm_native.registry.quota import Quota as Quota
from ibm_native.registry.quota import QuotaArgs as QuotaArgs
from ibm_native.registry.retention_policy import RetentionPolicy as RetentionPolicy
from ibm_native.registry.retention_policy import RetentionPolicyArgs as RetentionPolicyArgs
from ibm_native.registry.scan_gate import ScanGate as ScanGate
from ibm_native.registry.scan_gate import ScanGateArgs as ScanGateArgs
from ibm_native.resources.get_resource_group import GetResourceGroupArgs as GetResourceGroupArgs
from ibm_native.resources.get_resource_group import GetResourceGroupResult as GetResourceGroupResult
from ibm_native.resources.get_resource_group import get_resource_group as get_resource_group

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Return what a file declares that has no line above: a type checker wants the line, a program doesn't."""
        from ibm_native.catalogue import of_a_program  # noqa: PLC0415  # it imports this package's folders

        if name.startswith("_"):
            raise AttributeError(name)
        return of_a_program(name)
