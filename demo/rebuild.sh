#!/bin/sh
# Rebuilds the demo release from the log that it was made from: demo/rebuild.sh EVENTS CATALOGUE
#
# The same log gives the same bytes, so `git diff --stat demo/release` says whether anything changed. The log itself is never kept.
set -eu

if [ "$#" -ne 2 ]; then
    echo "usage: $0 EVENTS.csv.gz CATALOGUE.csv" >&2
    exit 2
fi
events=$(realpath "$1")
catalogue=$(realpath "$2")
cd "$(dirname "$0")/.."

store=$(mktemp -d)
trap 'rm -rf "$store"' EXIT

cargo run --quiet --locked --release -p segue-pipeline -- build \
    --events "$events" \
    --catalogue "$catalogue" \
    --depth 2 \
    --mode distinct \
    --half-life-days 60 \
    --version online-retail-k100 \
    --strict \
    --citation 'Chen, D., Sain, S.L., Guo, K. (2012), "Data mining for the online retail industry: A case study of RFM model-based customer segmentation using data mining", Journal of Database Marketing and Customer Strategy Management 19(3); UCI Machine Learning Repository, Online Retail, CC BY 4.0' \
    --out "$store"

mkdir -p demo/release
for file in manifest.json table.segue catalogue.jsonl golden.jsonl; do
    install -m 644 "$store/releases/online-retail-k100/$file" "demo/release/$file"
done
