"""What no public source settles about IBM Cloud: each open answer once, so that a correction is one line.

Everything that is not in this file was seen in IBM's docs, IBM's SDKs, IBM's live tests or a public trace.
"""

from __future__ import annotations

# IAM Identity: the SDK only says that the tag in If-Match helps to notice parallel changes. 409 or 412.
STALE_IDENTITY_STATUS = 409
STALE_IDENTITY_CODE = ("conflict", "BXNIM0106E", "The entity was changed in the meantime: If-Match is not its version.")

# IAM Identity: an absent service ID or API key answers 404 for certain; its codes and text are open.
NOT_FOUND_CODE = ("not_found", "BXNIM0404E")

# IAM Identity: a caller without the right. Status 403 is likely; its codes and text are open.
FORBIDDEN_CODE = ("forbidden", "BXNIM0513E", "You are not authorized to use this API.")

# IAM Identity: a call without a valid access token. Status 401; its codes and text are open.
UNAUTHENTICATED_CODE = ("unauthorized", "BXNIM0408E", "Provided token is invalid or expired.")

# IAM Identity: a change to a locked service ID or API key is refused; with which status and code is open.
LOCKED_STATUS = 409
LOCKED_CODE = ("locked", "BXNIM0107E", "The entity is locked and cannot be changed.")

# IAM Identity: one object more than a limit allows. Status and code are open.
LIMIT_STATUS = 409
LIMIT_CODE = ("limit_exceeded", "BXNIM0108E")

# IAM Identity: a chosen API key value that is in use already. Status and code are open.
DUPLICATE_KEY_STATUS = 409
DUPLICATE_KEY_CODE = ("conflict", "BXNIM0110E", "The API key value is in use already.")

# IAM Identity: whether a time in the past is refused as expires_at. IBM's live test for Node (2026-01) expects 200 for
# an update with such a time; no source tells of a create with one.
PAST_EXPIRY_IS_REFUSED = {"create": True, "update": False}

# IAM Identity: how many groups of service IDs an account may have (100,000 service IDs, 2,000 a group), what their ids
# and the default group's name look like, and the answers for a name that is taken and for a group that can't go.
SERVICE_ID_GROUPS = 50
SERVICE_ID_GROUP_PREFIX = "ServiceIdGroup-"
DEFAULT_GROUP_NAME = "Default"
GROUP_NAME_TAKEN = (409, "conflict", "BXNIM0110E", "A service ID group of this name exists in the account.")
GROUP_NOT_DELETABLE = (
    *(409, "delete_not_possible", "BXNIM0105E"),
    "The service ID group is the default group or still holds service IDs.",
)

# IAM Identity: how many templates, template versions, identity providers, claim rules and links there may be: of an
# account, or of each template, group or profile. IBM's limits name none of them; a live test only reads the counts.
TEMPLATES, TEMPLATE_VERSIONS, IDENTITY_PROVIDERS = 100, 100, 20
LINKS_PER_ACCOUNT, RULES_PER_ACCOUNT = 20_000, 20_000
CLAIM_RULES, LINKS = 20, 100

# IAM Identity: a trusted profile's name that is taken; names are unique in an account.
PROFILE_NAME_TAKEN = (409, "conflict", "BXNIM0110E", "A trusted profile of this name exists in the account.")

# Token grant: an identity or a compute resource that the profile doesn't trust. The code and the text are from a public
# report about a compute resource's token; that they are the same for an identity, and for a token that has expired or
# is for another audience, is open.
PROFILE_NOT_ELIGIBLE = (400, "BXNIM0398E", "Selected trusted profile not eligible.")

# Token grant: a trusted profile that isn't there, and an access token that isn't valid, in a grant that assumes one.
PROFILE_ABSENT = (400, "BXNIM0444E", "Provided trusted profile could not be found.")
ASSUME_TOKEN_INVALID = (400, "BXNIM0408E", "Provided token is invalid or expired.")

# Token grant: a disabled or expired key is taken to answer what an unknown key answers.
KEY_NOT_USABLE = ("BXNIM0415E", "Provided API key could not be found.")

# Token grant: IBM's CLI gets a refresh token; how long it lives is open. Seconds.
REFRESH_TOKEN_SECONDS = 30 * 24 * 3600

# Policies: the status of a stale If-Match, 409 or 412.
STALE_POLICY_STATUS = 412
STALE_POLICY_CODE = ("request_not_processed", "The policy was changed in the meantime: If-Match is not its ETag.")

# Policies: DELETE or PUT of a policy that is deleted already is taken to answer as for an absent one: Terraform's
# provider takes 404 there for success. Against it stands that GET still answers 200, with the state deleted.
DELETED_POLICY_STATUS = 404

# Policies: the status of a body with a bad attribute, role, location or subject; the code is in the SDK's list.
BAD_POLICY_STATUS = 400

# Policies: whether former region names (ap-north, eu-central, uk-south, ap-south) are still taken.
FORMER_REGIONS_ARE_TAKEN = False

# Policies: the answer to PUT /v1/policies/{id} for a policy that was made with v2. Docs tell only the other way.
V1_REPLACE_OF_V2 = (400, "unable_to_process", "The policy was made with v2, and v1 can't replace it.")

# Custom roles: the answer to deleting one that a policy grants.
ROLE_IN_USE = (409, "role_conflict_error", "The role is granted by a policy.")

# Access groups: statuses, codes and texts of an absent one, a name that is taken, a delete without force of one with
# members, an absent member, and one that the account doesn't know. The SDK's text tells the statuses of successes.
ACCESS_GROUP_ABSENT = (404, "not_found", "The access group was not found.")
ACCESS_GROUP_NAME_TAKEN = (409, "conflict", "An access group of this name exists in the account.")
ACCESS_GROUP_HAS_MEMBERS = (409, "conflict", "The access group has members; force=true deletes it with them.")
ACCESS_GROUP_MEMBER_ABSENT = (404, "not_found", "The identity is not a member of the access group.")
ACCESS_GROUP_MEMBER_UNKNOWN = (400, "invalid_member", "There is no identity of this type and IAM ID in the account.")

# Resource groups: status and text of a name that is taken in the account.
GROUP_TAKEN = (409, "A resource group of this name exists in the account.")

# Policies: the page size of a list when the caller names none, and the largest.
POLICY_PAGE_DEFAULT = 50
POLICY_PAGE_MAXIMUM = 100

# Policies: IBM's docs name serviceName, serviceType, resourceGroupId or service_group_id as needed beside accountId,
# yet Terraform's samples grant a role on a resource group itself with resourceType and resource alone. Both are taken.
RESOURCE_GROUP_POLICY_NEEDS_NO_SERVICE = True

# Roles: IAM's docs write iam::::serviceRole, the registry's own page container-registry::::serviceRole. Which of them
# /v2/roles returns is open. Policies are taken with either.
REGISTRY_ROLE_CRN_SERVICE = "iam"

# Registry API: status, code and text of a name that another account owns, an illegal name, an absent namespace, one
# namespace too many, a missing Account header.
NAMESPACE_TAKEN = (409, "CRG0010E", "The namespace is owned by another account.")
NAMESPACE_NAME = (400, "CRG0011E")
NAMESPACE_ABSENT = (404, "CRG0012E", "The namespace was not found.")
NAMESPACE_LIMIT = (403, "CRG0013E")
RESOURCE_GROUP_ABSENT = (400, "CRG0015E", "The resource group was not found in the account.")
BAD_REQUEST = (400, "CRG0001E")
ACCOUNT_MISSING = (400, "CRG0016E", "The Account header is missing.")

# Registry login: an anonymous caller of the token endpoint. IBM's registry makes docker print "unauthorized:
# authentication required"; a refusal with this text does so for docker, and names 401 for Kubernetes.
ANONYMOUS_LOGIN = (401, "UNAUTHORIZED", "authentication required")

# Registry login: a wrong user name and password pair is 400 by IBM's docs; its text is open.
BAD_LOGIN = (400, "UNAUTHORIZED", "The login credentials are not valid, or your IBM Cloud account is not active.")

# Registry login: the deprecated user name `token`; the code and the text's start are from a public report.
DEPRECATED_LOGIN = (401, "UNSUPPORTED", "The requested authentication method is not supported. Log in with an API key.")

# Registry login: how long a registry token lives. Seconds.
REGISTRY_TOKEN_SECONDS = 300

# Registry API: status, code and text of an absent image, one of another region's host, an image that is not in the
# trash, a namespace that has a resource group already, and a manifest list where an image is wanted.
IMAGE_ABSENT = (404, "CRG0021E", "The image was not found.")
IMAGE_ELSEWHERE = (400, "CRG0022E", "The image's host is not this region's registry.")
TRASH_ABSENT = (404, "CRT0404E", "The image was not found in the trash.")
RESOURCE_GROUP_SET = (409, "CRG0023E", "The namespace is assigned to a resource group already.")
LIST_INSPECTED = (400, "CRG0024E", "The image is a manifest list, which can't be inspected.")

# Registry API: restoring a tag that names another image by now answers 409 with this code; the text is open.
TAG_IS_LIVE = (409, "CRT0500E", "The tag can't be restored: it is in use.")

# Registry API: IBM's docs disagree on the Free plan's storage, 512 or 500 MB. The limits that IBM's SDK tests show
# are 536870912 and 5368709120 bytes.
FREE_STORAGE_MIB = 512

# Registry API: the docs tell only how to go from Free to Standard. Status and code of the way back, and of a limit
# that the Free plan doesn't give, are open.
PLAN_CAN_GO_BACK_TO_FREE = False
PLAN_GOES_UP_ONLY = (400, "CRG0025E", "The plan can't be changed back to Free.")
FREE_PLAN_LIMIT = (400, "CRG0026E", "The Free plan's quota can't be raised.")

# Registry API: what `deletion_threshold_days` of a retention policy counts from, an image's build date or its push. The
# docs say how old an image is; everything else in a retention policy goes by the build date.
RETENTION_AGE_COLUMN = "built_at"

# Registry login: texts of IBM's docs; the status is taken from the right that is missing.
STORAGE_QUOTA = (403, "DENIED", "Your account has exceeded its image storage quota for the current month.")
TRAFFIC_QUOTA = (403, "DENIED", "Your account has exceeded its pull traffic quota for the current month.")
PRIVATE_ONLY = (
    403,
    "DENIED",
    "Private-only access is enabled on this account, but this request was over the public network.",
)

# Vulnerability Advisor: an image that has not been scanned yet answers BXNVA0009E; with which status is open. None
# lets it answer 200 and the status UNSCANNED.
UNSCANNED_STATUS: int | None = 404

# Vulnerability Advisor: the status of an image all of whose problems are exempt, OK or WARN.
ALL_EXEMPT_STATUS = "WARN"

# Vulnerability Advisor: whether a call is answered whose Account header names another account than the token's. IBM's
# live tests for Python and Node send another account's and expect 200; those for Go send the token's own, and the docs
# say that the header names the account whose resources are asked for. Where it is answered, the token's account counts.
ADVISOR_TAKES_ANOTHER_ACCOUNT = False

# Vulnerability Advisor: status, code and text of an exemption that isn't there.
EXEMPTION_ABSENT = (404, "BXNVA0010E", "The exemption was not found.")
