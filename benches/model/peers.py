"""The peers of the model's bench: the same random weights in PyTorch eager and in ONNX Runtime, one thread each.

    pip install torch transformers onnx onnxscript onnxruntime safetensors
    python peers.py DIR

Writes DIR/model.safetensors and DIR/peer.onnx, says `ready`, then answers each line `RUNTIME PROMPTS TOKENS MILLISECONDS`
on its input with the median microseconds of a call, and `RUNTIME PROMPTS TOKENS 0` with the last prompt's logits.
Both compute logits at the last position only. `benches/src/bin/model.rs` starts it; it is never part of a build.
"""

import os
import statistics
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"

import onnxruntime
import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

VOCABULARY = 23 + 761
SHAPE = dict(
    vocab_size=VOCABULARY, hidden_size=256, intermediate_size=704, num_hidden_layers=4, num_attention_heads=4,
    num_key_value_heads=4, max_position_embeddings=64, rms_norm_eps=1e-5, tie_word_embeddings=True,
)


class LastLogits(torch.nn.Module):
    """A Llama that multiplies only the last position's vector with the embedding."""

    def __init__(self, llama):
        super().__init__()
        self.llama = llama

    def forward(self, tokens):
        hidden = self.llama.model(input_ids=tokens, use_cache=False).last_hidden_state
        return self.llama.lm_head(hidden[:, -1])


def tokens(prompts, length):
    """The tokens that the bench asks its other contenders, too."""
    each = [[(31 * prompt + 7 * position + 5) % VOCABULARY for position in range(length)] for prompt in range(prompts)]
    return torch.tensor(each)


def build(directory):
    torch.set_num_threads(1)
    torch.manual_seed(7)
    llama = LlamaForCausalLM(LlamaConfig(**SHAPE)).eval()
    weights = {name: tensor.contiguous() for name, tensor in llama.state_dict().items() if name != "lm_head.weight"}
    save_file(weights, os.path.join(directory, "model.safetensors"))
    module = LastLogits(llama).eval()
    path = os.path.join(directory, "peer.onnx")
    export(module, path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return {"torch": module, "onnx": lambda asked: torch.from_numpy(session.run(None, {"tokens": asked.numpy()})[0])}


def export(module, path):
    """Both dimensions of the tokens stay free, as they are for the other contenders."""
    free = {0: torch.export.Dim("prompts", max=1024), 1: torch.export.Dim("length", max=64)}
    with torch.no_grad():
        torch.onnx.export(
            module, (tokens(3, 9),), path, dynamo=True, input_names=["tokens"], output_names=["logits"],
            dynamic_shapes=(free,), external_data=False, verbose=False,
        )


@torch.inference_mode()
def answer(runtimes, line):
    runtime, *numbers = line.split()
    prompts, length, milliseconds = map(int, numbers)
    call, asked = runtimes[runtime], tokens(prompts, length)
    if milliseconds == 0:
        return " ".join(str(float(logit)) for logit in call(asked)[-1])
    call(asked)
    times, end = [], time.perf_counter() + milliseconds / 1e3
    while time.perf_counter() < end:
        start = time.perf_counter()
        call(asked)
        times.append(time.perf_counter() - start)
    return str(statistics.median(times) * 1e6)


def main():
    answers, sys.stdout = sys.stdout, sys.stderr
    runtimes = build(sys.argv[1])
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        print(answer(runtimes, line), file=answers, flush=True)


if __name__ == "__main__":
    main()
