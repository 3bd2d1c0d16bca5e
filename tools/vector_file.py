"""Writes .safetensors files whose bytes depend on their content alone.

The safetensors package orders the metadata by a hash that changes from run to run; files that are
committed should differ only where a value does.
"""

import json
import struct

import numpy as np

DTYPES = {"float64": "F64", "float32": "F32", "int64": "I64"}


def write(path, tensors, metadata):
    """tensors: name to numpy array; widest types first, so that every tensor is aligned."""
    names = sorted(tensors, key=lambda name: (-tensors[name].dtype.itemsize, name))
    header, offset = {"__metadata__": dict(sorted(metadata.items()))}, 0
    for name in names:
        size = tensors[name].nbytes
        header[name] = {"dtype": DTYPES[str(tensors[name].dtype)],
                        "shape": list(tensors[name].shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in names:
            file.write(np.ascontiguousarray(tensors[name]).tobytes())
