#!/usr/bin/env bash
# Makes what must not lie in a repository: a password for each user of the broker, and the file with their hashes that
# RabbitMQ imports. What is there already is kept.
#   deploy/secrets.sh               writes deploy/secrets/
#   deploy/secrets.sh --kubernetes  the same, and prints Secrets: deploy/secrets.sh --kubernetes | kubectl apply -f -
set -euo pipefail
cd "$(dirname "$0")"
umask 077
mkdir -p secrets

# name:tags
users=(coordinator: submitter: monitor:monitoring worker-light: worker-heavy: worker-fetcher:)

random_hex() {
  head -c "$1" /dev/urandom | od -An -v -tx1 | tr -d ' \n'
}

bytes_of() {
  printf '%b' "$(printf '%s' "$1" | sed 's/../\\x&/g')"
}

# RabbitMQ's form of a password: base64(salt, sha256(salt, password)), a salt of 4 bytes.
hash_of() {
  local salt digest
  salt=$(random_hex 4)
  digest=$({ bytes_of "$salt"; printf '%s' "$1"; } | sha256sum | cut -d ' ' -f 1)
  bytes_of "$salt$digest" | base64 -w 0
}

password_of() {
  cat "secrets/$1.password"
}

make_users() {
  local lines=() user name tags
  for user in "${users[@]}"; do
    name=${user%%:*} tags=${user#*:}
    lines+=("    {\"name\": \"$name\", \"password_hash\": \"$(hash_of "$(password_of "$name")")\", \"hashing_algorithm\": \"rabbit_password_hashing_sha256\", \"tags\": \"$tags\"}")
  done
  printf '{\n  "users": [\n'
  printf '%s' "${lines[0]}"
  printf ',\n%s' "${lines[@]:1}"
  printf '\n  ]\n}\n'
}

for user in "${users[@]}" grafana:; do
  name=${user%%:*}
  if [ ! -s "secrets/$name.password" ]; then
    random_hex 24 > "secrets/$name.password"
    # containers read it as a user of their own; the folder is closed to others
    chmod 0444 "secrets/$name.password"
    rm -f secrets/users.json
  fi
done
if [ ! -s secrets/users.json ]; then
  make_users > secrets/users.json
  chmod 0444 secrets/users.json
fi

if [ "${1:-}" = --kubernetes ]; then
  for user in "${users[@]}"; do
    name=${user%%:*}
    printf -- '---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: broker-%s\n  namespace: synthfleet\nstringData:\n  username: %s\n  password: "%s"\n' \
      "$name" "$name" "$(password_of "$name")"
  done
  printf -- '---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: broker-users\n  namespace: synthfleet\nstringData:\n  users.json: |\n'
  sed 's/^/    /' secrets/users.json
fi
