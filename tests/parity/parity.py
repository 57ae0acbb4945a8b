#!/usr/bin/env python3
"""Compares a model with Hugging Face's LlamaForCausalLM, which reads the same files. Needs torch and transformers.

    parity.py check MODEL_DIR           golden.json, which our network wrote, against transformers; exit code 1 if apart
    parity.py check MODEL_DIR LOGITS    the logits that `write` wrote as well
    parity.py write MODEL_DIR LOGITS    every cluster's logit after each token of some random prompts

`tests/model/parity.rs` holds our network and our engine to the logits in fixture/, so that no test needs either.
"""

import json
import pathlib
import random
import sys

import torch
from transformers import LlamaForCausalLM

# What a logit may differ by.
APART_MAX = 1e-4


class Other:
    """The other implementation, with a model's weights."""

    def __init__(self, model_dir):
        self.config = json.loads((model_dir / "config.json").read_text())
        self.clusters = self.config["segue"]["clusters"]
        self.network = LlamaForCausalLM.from_pretrained(
            model_dir, attn_implementation="eager", local_files_only=True
        ).float()

    def logits(self, tokens):
        """A row for each token: the logits of all clusters, whose tokens are the last of the vocabulary."""
        with torch.no_grad():
            rows = self.network(torch.tensor([tokens])).logits[0]
        return rows[:, -self.clusters :]

    def random_prompts(self):
        """Prompts of several lengths up to the longest; always the same."""
        numbers, longest = random.Random(1), self.config["max_position_embeddings"]
        lengths = sorted({1, 2, longest // 3, longest // 2, longest})
        return [[numbers.randrange(self.config["vocab_size"]) for _ in range(length)] for length in lengths]


def apart(got, expected):
    return (got - torch.tensor(expected)).abs().max().item()


def check_golden(other, model_dir):
    for number, prompt in enumerate(json.loads((model_dir / "golden.json").read_text())["prompts"]):
        yield f"golden prompt {number}", apart(other.logits(prompt["tokens"])[-1], prompt["logits"])


def check_written(other, path):
    for number, prompt in enumerate(json.loads(path.read_text())):
        yield f"random prompt {number}", apart(other.logits(prompt["tokens"]), prompt["logits"])


def write(other, path):
    rows = lambda tokens: [[round(logit, 6) for logit in row] for row in other.logits(tokens).tolist()]
    prompts = [{"tokens": tokens, "logits": rows(tokens)} for tokens in other.random_prompts()]
    path.write_text("[" + ",\n".join(json.dumps(prompt, separators=(",", ":")) for prompt in prompts) + "]\n")


def check(other, model_dir, written):
    found = list(check_golden(other, model_dir))
    for path in written:
        found += check_written(other, path)
    for what, by in found:
        print(f"{what}: {by:.1e} apart, at most {APART_MAX:.0e}")
    return all(by <= APART_MAX for _, by in found)


def main(what, model_dir, *paths):
    torch.set_num_threads(1)
    other, paths = Other(pathlib.Path(model_dir)), [pathlib.Path(path) for path in paths]
    if what == "write":
        return write(other, *paths)
    if not check(other, pathlib.Path(model_dir), paths):
        sys.exit("the two implementations are apart")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4) or sys.argv[1] not in ("check", "write"):
        sys.exit(__doc__)
    main(*sys.argv[1:])
