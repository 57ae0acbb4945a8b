"""Histories a second of PyTorch on the CPU, on the model and the prompts that `segue-pipeline infer` computes.

    python benches/model/bulk_peer.py MODEL_DIR prompts.jsonl [--threads 4] [--seconds 10]

Batches hold prompts of one length, so nothing is padded, and only the last token's logits of clusters are computed:
PyTorch is given every advantage that the task allows. Each batch size gets its time; the best is what counts.
The top 15 are selected for each history, as `infer` does.
"""

import argparse
import json
import time
from collections import defaultdict

import torch
from transformers import LlamaForCausalLM

TOKEN_CLUSTER = 23
WIDTH = 15


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("prompts")
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--batches", default="8,32,64,128,256,512")
    return parser.parse_args()


def batches(prompts, size):
    """Tensors of prompts of one length, full batches only, in turns over the lengths as often as each occurs."""
    by_length = defaultdict(list)
    for prompt in prompts:
        by_length[len(prompt)].append(prompt)
    for same in by_length.values():
        for start in range(0, len(same) - size + 1, size):
            yield torch.tensor(same[start : start + size])


@torch.inference_mode()
def answer(model, tokens):
    hidden = model.model(input_ids=tokens, use_cache=False).last_hidden_state[:, -1]
    logits = hidden @ model.model.embed_tokens.weight[TOKEN_CLUSTER:].T
    return torch.softmax(logits, -1).topk(WIDTH)


def rate(model, prompts, size, seconds):
    """Histories a second over a time, or over all prompts if that takes less."""
    work = list(batches(prompts, size))
    if not work:
        return 0.0
    answer(model, work[0])
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        for tokens in work:
            answer(model, tokens)
            done += len(tokens)
            if time.perf_counter() - start >= seconds:
                break
    return done / (time.perf_counter() - start)


def main():
    given = arguments()
    torch.set_num_threads(given.threads)
    model = LlamaForCausalLM.from_pretrained(given.model, dtype=torch.float32).eval()
    prompts = [json.loads(line) for line in open(given.prompts)]
    print(f"torch {torch.__version__}, {given.threads} threads, {len(prompts)} prompts")
    rates = {}
    for size in map(int, given.batches.split(",")):
        rates[size] = rate(model, prompts, size, given.seconds)
        print(f"batch {size:4}: {rates[size]:8.0f} histories/s", flush=True)
    best = max(rates, key=rates.get)
    print(f"best: batch {best}, {rates[best]:.0f} histories/s")


if __name__ == "__main__":
    main()
