#!/bin/sh
# Runs a command in a cell of its own by plain curl, shows what became of it, and removes the cell.
#
#   examples/cell.sh [URL [PKI]]
#
# PKI is a folder that `auraed pki` made, with the client "nova" in it. Needs curl 7.82 or later for --json.
set -eu

url=${1:-https://127.0.0.1:8080}
pki=${2:-.aurae/pki}
cell=example-$$

# Prints the answer, and fails where the answer is an error.
call() {
	curl --silent --show-error --fail-with-body --write-out '\n' \
		--cacert "$pki/ca.crt" --cert "$pki/_signed.client.nova.crt" --key "$pki/client.nova.key" \
		--json "$2" "$url/aurae.cells.v0.CellService/$1"
}

call Allocate "{\"cell\": {\"name\": \"$cell\"}}"
trap 'call Free "{\"cellName\": \"$cell\"}"' EXIT

call Start "{
	\"cellName\": \"$cell\",
	\"executable\": {\"name\": \"greeter\", \"command\": \"echo hello from $cell; sleep 60\"}
}"
call List '{}'
call Stop "{\"cellName\": \"$cell\", \"executableName\": \"greeter\"}"
