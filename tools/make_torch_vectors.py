#!/usr/bin/env python3
"""Writes tests/vectors/torch/: PyTorch checkpoints, and what they hold as safetensors.

    types      every element type that both formats have
    layouts    strided, expanded, offset, empty and shared tensors, parameters, a scalar
    protocol4  layouts, with a later protocol of pickle
    module     a module's state_dict, which carries attributes of its own
    mixed      tensors beside values that are none
    wrapped, list, legacy, big, packed, script
               what is refused: tensors in an inner dictionary, a list, the form before torch 1.6,
               another byte order, a compressed archive, a TorchScript program
    bert_*     weights of folders of tests/vectors/models, without their config.json: as
               transformers 4 saved them (plain), in shards, under names of TensorFlow's checkpoints
               and partly transposed in memory (old), tied (tied)

    python tools/make_torch_vectors.py
"""

import collections
import io
import json
import pathlib
import shutil
import warnings
import zipfile

import torch
import transformers
from safetensors.torch import load_file, save_file

ROOT = pathlib.Path(__file__).resolve().parent.parent / "tests/vectors"
OUT = ROOT / "torch"
TYPES = ["float32", "float16", "bfloat16", "float64", "int64", "int32", "int16", "int8", "uint8",
         "bool", "complex64", "uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e5m2",
         "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"]


def write_pair(name, tensors, **options):
    torch.save(tensors, OUT / f"{name}.bin", **options)
    save_file({key: value.detach().clone().contiguous() for key, value in tensors.items()
               if isinstance(value, torch.Tensor)}, OUT / f"{name}.safetensors")
    (OUT / f"{name}.safetensors").chmod(0o644)


def make_types():
    generator = torch.Generator().manual_seed(1)
    tensors = collections.OrderedDict()
    for name in TYPES:
        kind = getattr(torch, name)
        raw = torch.randint(0, 256, (6 * kind.itemsize,), dtype=torch.uint8, generator=generator)
        if kind is torch.bool:
            raw = raw & 1
        tensors[name] = raw.view(kind).reshape(2, 3)
    return tensors


def make_layouts():
    generator = torch.Generator().manual_seed(2)
    base = torch.randn(4, 6, generator=generator)
    cube = torch.randn(2, 3, 4, 2, 2, generator=generator)
    tied = torch.randn(3, 2, generator=generator)
    return collections.OrderedDict(
        base=base, transposed=base.t(), columns=base[:, 1:3], rows=base[1:3],
        every_other=base[::2, ::3], last=base[3, 5], scalar=torch.tensor(2.5),
        empty=torch.zeros(0, 3), empty_slice=base[4:],
        expanded=torch.arange(5).expand(1, 3, 5), one=base[1:2, 2:3], cube=cube,
        turned=cube.permute(4, 2, 0, 3, 1), halves=cube.half().permute(1, 0, 2, 4, 3),
        bits=torch.tensor([[True, False, True], [False, False, True]]).t(),
        tied_a=tied, tied_b=tied, parameter=torch.nn.Parameter(tied), frozen=torch.nn.Parameter(
            torch.ones(2), requires_grad=False), wide=torch.arange(300, dtype=torch.int16)[290:293])


def rewrite(source, target, method=zipfile.ZIP_STORED, **changed):
    """The archive again, with some of its files changed."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", method) as new:
        for info in old.infolist():
            last = info.filename.split("/")[-1]
            new.writestr(zipfile.ZipInfo(info.filename), changed.get(last, old.read(info)), method)


class Twice(torch.nn.Module):
    def forward(self, x):
        return x + x


def make_refused(small):
    torch.save({"state_dict": small, "epoch": 3}, OUT / "wrapped.bin")
    torch.save(list(small.values()), OUT / "list.bin")
    torch.save(small, OUT / "legacy.bin", _use_new_zipfile_serialization=False)
    rewrite(OUT / "module.bin", OUT / "big.bin", byteorder=b"big")
    rewrite(OUT / "module.bin", OUT / "packed.bin", method=zipfile.ZIP_DEFLATED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        script = io.BytesIO()
        torch.jit.save(torch.jit.script(Twice()), script)
    (OUT / "script.pt").write_bytes(script.getvalue())


def old_names(tensors):
    out = collections.OrderedDict()
    for name, value in tensors.items():
        name = name.replace("LayerNorm.weight", "LayerNorm.gamma")
        name = name.replace("LayerNorm.bias", "LayerNorm.beta")
        out[name] = value.t().contiguous().t() if value.dim() == 2 else value
    return out


def make_models():
    for kind in ("plain", "shards", "old", "tied"):
        shutil.rmtree(OUT / f"bert_{kind}", ignore_errors=True)
        (OUT / f"bert_{kind}").mkdir()
    tensors = load_file(ROOT / "models/bert_odd_classify/model.safetensors")
    torch.save(collections.OrderedDict(tensors), OUT / "bert_plain/pytorch_model.bin")
    torch.save(old_names(tensors), OUT / "bert_old/pytorch_model.bin")
    index = json.loads((ROOT / "models/bert_sharded/model.safetensors.index.json").read_text())
    renamed = {}
    for shard in sorted(set(index["weight_map"].values())):
        name = shard.replace("model-", "pytorch_model-").replace(".safetensors", ".bin")
        renamed[shard] = name
        torch.save(load_file(ROOT / "models/bert_sharded" / shard), OUT / "bert_shards" / name)
    index["weight_map"] = {key: renamed[shard] for key, shard in index["weight_map"].items()}
    text = json.dumps(index, indent=2) + "\n"
    (OUT / "bert_shards/pytorch_model.bin.index.json").write_text(text)
    model = transformers.BertForMaskedLM.from_pretrained(ROOT / "models/bert_odd_mlm")
    torch.save(model.state_dict(), OUT / "bert_tied/pytorch_model.bin")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    write_pair("types", make_types())
    layouts = make_layouts()
    write_pair("layouts", layouts)
    torch.save(layouts, OUT / "protocol4.bin", pickle_protocol=4)
    torch.manual_seed(3)
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2)).state_dict()
    write_pair("module", module)
    mixed = dict(module, epoch=3, name="first", rate=0.5, big=1 << 40, none=None, on=True,
                 shape=(1, 2), list=[1, [2]], inner={"a": 1})
    write_pair("mixed", mixed)
    make_refused(module)
    make_models()


if __name__ == "__main__":
    main()
