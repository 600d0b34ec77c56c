#!/usr/bin/env bash
# The delivery by hand: the manual procedure's steps with curl, jq, docker and kubectl, made such that it can be run again.
#
#   by_hand.sh deliver|image|rotate|remove|keys
#
# `image` only builds and pushes, `keys` counts the API keys of the service ID. From the environment: IAM (URL), REGISTRY
# (host:port), IBMCLOUD_API_KEY, NAME (of everything it makes), CONTEXT (folder with Dockerfile and index.html), BASE
# (image). With STOP_AFTER_KEY=1 it fails where a person's connection may: between the API key and the Secret.
set -euo pipefail

REPOSITORY="$REGISTRY/$NAME/nginx-custom"

api() { # METHOD URL, the body on stdin: prints the answer
    curl --silent --show-error --fail-with-body --request "$1" --header @<(printf 'Authorization: Bearer %s\nAccount: %s' "$TOKEN" "${ACCOUNT:-}") \
        --header 'Content-Type: application/json' --data-binary @- "$2"
}

log_in() {
    TOKEN=$(printf %s "$IBMCLOUD_API_KEY" | curl --silent --show-error --fail-with-body "$IAM/identity/token" \
        --data-urlencode grant_type=urn:ibm:params:oauth:grant-type:apikey --data-urlencode apikey@- | jq --raw-output .access_token)
    ACCOUNT=$(api GET "$IAM/v1/apikeys" </dev/null | jq --raw-output '.apikeys[0].account_id')
}

image() { # builds and pushes; DIGEST is what the registry then calls it
    printf %s "$IBMCLOUD_API_KEY" | docker login --username iamapikey --password-stdin "$REGISTRY" >/dev/null 2>&1
    docker build --quiet --build-arg "BASE=$BASE" --tag "$REPOSITORY:v1" "$CONTEXT" >/dev/null
    docker push --quiet "$REPOSITORY:v1" >/dev/null
    DIGEST=$(docker inspect --format '{{join .RepoDigests "\n"}}' "$REPOSITORY:v1" | grep --max-count=1 "^$REPOSITORY@")
}

service_id() { # prints id and IAM id, or nothing
    api GET "$IAM/v1/serviceids?account_id=$ACCOUNT&name=$NAME" </dev/null | jq --raw-output '.serviceids[]? | "\(.id) \(.iam_id)"'
}

identity() { # the service ID, Reader on the namespace in this region; IAM_ID is what IAM calls it
    read -r _ IAM_ID < <(service_id) || read -r _ IAM_ID < <(
        jq --null-input --arg a "$ACCOUNT" --arg n "$NAME" '{account_id: $a, name: $n}' |
            api POST "$IAM/v1/serviceids/" | jq --raw-output '"\(.id) \(.iam_id)"'
    )
    [ "$(api GET "$IAM/v2/policies?account_id=$ACCOUNT&iam_id=$IAM_ID" </dev/null | jq '.policies | length')" != 0 ] ||
        jq --null-input --arg a "$ACCOUNT" --arg n "$NAME" --arg i "$IAM_ID" '
            def is($k; $v): {key: $k, operator: "stringEquals", value: $v};
            {type: "access", control: {grant: {roles: [{role_id: "crn:v1:bluemix:public:iam::::serviceRole:Reader"}]}},
             subject: {attributes: [is("iam_id"; $i)]}, resource: {attributes: [is("accountId"; $a),
                is("serviceName"; "container-registry"), is("region"; "jp-tok"), is("resourceType"; "namespace"), is("resource"; $n)]}}' |
        api POST "$IAM/v2/policies" >/dev/null
}

key_and_secret() { # a new API key, and the pull Secret that holds it
    local key
    key=$(jq --null-input --arg n "$NAME" --arg i "$IAM_ID" '{name: $n, iam_id: $i}' | api POST "$IAM/v1/apikeys" | jq --raw-output .apikey)
    if [ "${STOP_AFTER_KEY:-}" ]; then exit 1; fi
    printf %s "$key" | jq --raw-input --slurp --arg h "$REGISTRY" --arg n "$NAME" '
        {auths: {($h): {username: "iamapikey", password: ., auth: ("iamapikey:" + . | @base64)}}} | tojson | @base64 |
        {apiVersion: "v1", kind: "Secret", metadata: {name: $n}, type: "kubernetes.io/dockerconfigjson", data: {".dockerconfigjson": .}}' |
        kubectl apply --filename - >/dev/null
}

pod() { # the ServiceAccount, and the Pod with this digest; an older Pod goes first
    local spec='{apiVersion: "v1", kind: "Pod", metadata: {name: $n}, spec: {serviceAccountName: $n, terminationGracePeriodSeconds: 1,
        containers: [{name: $n, image: $d, command: ["sh", "-c", "tail -f /dev/null"]}]}}'
    jq --null-input --arg n "$NAME" '{apiVersion: "v1", kind: "ServiceAccount", metadata: {name: $n}, imagePullSecrets: [{name: $n}]}' |
        kubectl apply --filename - >/dev/null
    if [ "$(kubectl get pod "$NAME" --ignore-not-found --output 'jsonpath={.spec.containers[0].image}')" != "$DIGEST" ]; then
        kubectl delete pod "$NAME" --ignore-not-found >/dev/null
        jq --null-input --arg n "$NAME" --arg d "$DIGEST" "$spec" | kubectl create --filename - >/dev/null
    fi
    kubectl wait --for=condition=Ready --timeout=120s "pod/$NAME" >/dev/null
    kubectl exec "$NAME" -- cat /usr/share/nginx/html/index.html | cmp --silent - "$CONTEXT/index.html"
}

remove() {
    kubectl delete --ignore-not-found "pod/$NAME" "serviceaccount/$NAME" "secret/$NAME" >/dev/null
    while read -r id _; do api DELETE "$IAM/v1/serviceids/$id" </dev/null; done < <(service_id)
    api DELETE "http://$REGISTRY/api/v1/namespaces/$NAME" </dev/null
}

log_in
case "$1" in
deliver)
    api PUT "http://$REGISTRY/api/v1/namespaces/$NAME" </dev/null >/dev/null
    image
    identity
    kubectl get secret "$NAME" >/dev/null 2>&1 || key_and_secret
    pod
    ;;
image) image ;;
rotate)
    identity
    key_and_secret
    ;;
keys)
    identity
    api GET "$IAM/v1/apikeys?account_id=$ACCOUNT&iam_id=$IAM_ID" </dev/null | jq '.apikeys | length'
    ;;
remove) remove ;;
*) exit 2 ;;
esac
