#!/bin/sh
# Rebuilds the demo release and its model from the log that they were made from: demo/rebuild.sh EVENTS CATALOGUE
#
# The same log gives the same bytes on the same kind of processor, so `git diff --stat demo` says whether anything changed. The log itself
# is never kept. Training takes a minute or two.
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

citation='Chen, D., Sain, S.L., Guo, K. (2012), "Data mining for the online retail industry: A case study of RFM model-based customer segmentation using data mining", Journal of Database Marketing and Customer Strategy Management 19(3); UCI Machine Learning Repository, Online Retail, CC BY 4.0'

# Small enough to carry; a day is kept for validation and nothing for a test, so that it has learned from the very last month.
cargo run --quiet --locked --release -p segue-pipeline -- train \
    --events "$events" \
    --catalogue "$catalogue" \
    --depth 2 \
    --mode distinct \
    --half-life-days 60 \
    --hidden 64 --intermediate 176 --layers 2 --heads 4 \
    --learning-rate 4e-3 --epochs 8 --choose-by last --validation-days 1 --test-days 0 \
    --version online-retail-k100 \
    --strict \
    --citation "$citation" \
    --out "$store"

cargo run --quiet --locked --release -p segue-pipeline -- build \
    --events "$events" \
    --catalogue "$catalogue" \
    --depth 2 \
    --mode distinct \
    --half-life-days 60 \
    --version online-retail-k100 \
    --strict \
    --model "$store/models/online-retail-k100" \
    --citation "$citation" \
    --out "$store"

mkdir -p demo/release demo/model
for file in config.json model.safetensors golden.json manifest.json; do
    install -m 644 "$store/models/online-retail-k100/$file" "demo/model/$file"
done
for file in manifest.json table.segue catalogue.jsonl golden.jsonl; do
    install -m 644 "$store/releases/online-retail-k100/$file" "demo/release/$file"
done
