# shellcheck shell=bash
# Sourced by build-local.sh: the same run inside a clean Debian container.

PINNED=$TOP/requirements/image.txt
# The first line that is no comment: NAME@sha256:DIGEST, which says the very bytes.
IMAGE=${DEBWRIGHT_IMAGE:-$(grep -m 1 '^[^#[:space:]]' "$PINNED" || :)}

# What debwright needs to make namespaces and to boot systems in them; not --privileged, which takes
# every capability the kernel knows and fails where the daemon itself lacks one.
CONTAINER_RIGHTS=(
    --cap-add=SYS_ADMIN --cap-add=NET_ADMIN --cap-add=SYS_PTRACE
    --security-opt=seccomp=unconfined --security-opt=apparmor=unconfined
    --cgroupns=host --volume=/sys/fs/cgroup:/sys/fs/cgroup:rw
)

prepare_image() {
    local attempt
    command -v docker >/dev/null || die 5 "docker is not installed: sudo apt-get install docker.io"
    docker version >/dev/null 2>&1 ||
        die 5 "there is no docker daemon to talk to: sudo systemctl start docker"
    [ -n "$IMAGE" ] || die 5 "no image is pinned: $PINNED says how to pin one"
    if docker image inspect "$IMAGE" >/dev/null 2>&1; then return 0; fi
    # A name alone means another image tomorrow, from whoever answers for the registry.
    [[ $IMAGE =~ @sha256:[0-9a-f]{64}$ ]] ||
        die 5 "the image $IMAGE is not on this machine, and is pulled by its digest only: $PINNED says how"
    for attempt in 1 2 3; do
        if docker pull "$IMAGE" >&2; then return 0; fi
        if [ "$attempt" -lt 3 ]; then sleep $((attempt * 5)); fi
    done
    die 5 "the image $IMAGE cannot be had: DEBWRIGHT_IMAGE names another one of Debian 12, by its digest"
}

# in_container OUTPUT ARGUMENT...: build-local.sh with these arguments, on this source, which is
# read-only there. Roots are kept where a run as root keeps them.
in_container() {
    local output=$1 cache=${XDG_CACHE_HOME:-$HOME/.cache} certificates=/etc/ssl/certs/ca-certificates.crt
    local options=() status=0 name
    shift
    prepare_image
    [ "$(id -u)" -eq 0 ] || cache=$cache-root
    # By docker itself, as root, they could not be removed again without root.
    mkdir -p "$output" "$cache/debwright"
    if [ -f "$certificates" ]; then
        # A network may have an authority of its own.
        options+=("--volume=$certificates:/run/certificates.crt:ro")
        options+=(--env=SSL_CERT_FILE=/run/certificates.crt --env=PIP_CERT=/run/certificates.crt)
    fi
    for name in http_proxy https_proxy no_proxy; do
        [ -z "${!name:-}" ] || options+=("--env=$name")
    done
    # Where the daemon makes no network of its own, as in a container, this machine's will do.
    name=debwright-build-$$
    trap 'docker rm --force "'"$name"'" >/dev/null 2>&1 || :' EXIT
    docker run --rm --init --name "$name" --network=host "${CONTAINER_RIGHTS[@]}" "${options[@]}" \
        --volume="$TOP:/source:ro" --volume="$output:/output" \
        --volume="$cache/debwright:/root/.cache/debwright" \
        --env=DEBWRIGHT_VENV=/opt/debwright --env=DEBWRIGHT_PROJECT="$PROJECT" \
        --env=GIT_CONFIG_COUNT=1 --env=GIT_CONFIG_KEY_0=safe.directory --env=GIT_CONFIG_VALUE_0='*' \
        "$IMAGE" /source/scripts/build-local.sh --output /output "$@" || status=$?
    if [ "$(id -u)" -ne 0 ]; then
        docker run --rm --volume="$output:/output" "$IMAGE" chown -R "$(id -u):$(id -g)" /output
    fi
    # What docker itself says of failures of its own: it is the machine that lacks something.
    case $status in 125 | 126 | 127) die 5 "docker could not run the container: see above" ;; esac
    return "$status"
}
