"""The policy pack: `pulumi preview --policy-pack policy` holds every rule of invariants.py against each resource."""

from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)

from invariants import RULES, Rule


def _policy(rule: Rule) -> ResourceValidationPolicy:
    def validate(args: ResourceValidationArgs, report_violation: ReportViolation) -> None:
        if args.resource_type in rule.types:
            for problem in rule.problems(args.props):
                report_violation(problem, args.urn)

    level = EnforcementLevel.MANDATORY if rule.mandatory else EnforcementLevel.ADVISORY
    return ResourceValidationPolicy(rule.name, rule.why, validate, level)


PolicyPack("icr-private-image", [_policy(rule) for rule in RULES])
