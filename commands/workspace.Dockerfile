# The image in which the Pulumi Kubernetes Operator runs this project's stacks: see docs/operator.md.
ARG BASE
FROM ${BASE}
COPY --chown=1000:1000 packages /home/pulumi/.venv
COPY --chown=1000:1000 tools /home/pulumi
# The CLI looks for its home by the user's entry in passwd, which a Pod's user may not have.
ENV HOME=/home/pulumi \
    PATH=/home/pulumi/bin:/usr/bin:/bin \
    PULUMI_HOME=/home/pulumi/.pulumi \
    PULUMI_SKIP_UPDATE_CHECK=1 \
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true \
    AWS_RESPONSE_CHECKSUM_VALIDATION=when_required \
    LANG=C.UTF-8
USER 1000
WORKDIR /home/pulumi
