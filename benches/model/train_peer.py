"""The peer of the training's bench: the same network trained by PyTorch on the processor.

    pip install torch transformers
    python train_peer.py

Says `ready`, then answers each line `BATCH THREADS SHORTEST LONGEST STEPS` with the examples a second of the median step: Hugging Face's Llama,
eager, logits at the last token only, cross-entropy, gradients clipped by their length, AdamW. Prompts shorter than the batch's longest are padded
on the right, as anyone would. `benches/src/bin/train.rs` starts it; it is never part of a build.
"""

import statistics
import sys
import time

import torch
from transformers import LlamaConfig, LlamaForCausalLM

VOCABULARY = 23 + 300
SPECIALS = 23


def lengths(batch, shortest, longest):
    """As the bench draws them."""
    return [shortest + example * 7 % (longest + 1 - shortest) for example in range(batch)]


def steps(batch, threads, shortest, longest, count):
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    network = LlamaForCausalLM(LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=256, intermediate_size=704, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=64, rms_norm_eps=1e-5, tie_word_embeddings=True, use_cache=False,
    ))
    network.train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    ends = torch.tensor(lengths(batch, shortest, longest)) - 1
    tokens = torch.randint(0, VOCABULARY, (batch, int(ends.max()) + 1))
    answers = torch.randint(SPECIALS, VOCABULARY, (batch,))
    taken = []
    for _ in range(count + 2):
        started = time.perf_counter()
        hidden = network.model(input_ids=tokens).last_hidden_state[torch.arange(batch), ends]
        torch.nn.functional.cross_entropy(network.lm_head(hidden), answers).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        taken.append(time.perf_counter() - started)
    return batch / statistics.median(taken[2:])


print("ready", flush=True)
for line in sys.stdin:
    print(steps(*map(int, line.split())), flush=True)
