"""Writes small seeds for the fuzz targets into fuzz/seeds/NAME/. Standard library only."""

import gzip
import io
import json
import pathlib
import struct
import tarfile
import zipfile

SEEDS = pathlib.Path(__file__).resolve().parent.parent / "fuzz" / "seeds"


def put(target, name, data):
    folder = SEEDS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def safetensors(entries, metadata=None):
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, dtype, shape, content in entries:
        header[name] = {"dtype": dtype, "shape": shape,
                        "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


def zip_file(files, method):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return out.getvalue()


def tar_file(files, kind):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind) as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def tensor(kind, count, shape, stride, last=b""):
    """The operations that rebuild a tensor of storage 0."""
    sizes = [b"(" + b"".join(b"K" + bytes([n]) for n in numbers) + b"t"
             for numbers in (shape, stride)]
    return (b"((" + text("storage") + b"c" + kind + b"\n" + text("0") + text("cpu") + b"K"
            + bytes([count]) + b"tQK\0" + sizes[0] + sizes[1]
            + b"\x89ccollections\nOrderedDict\n)R" + last + b"t")


def torch_file(pickle):
    return zip_file([("m/data.pkl", pickle), ("m/byteorder", b"little"), ("m/data/0", bytes(16))],
                    zipfile.ZIP_STORED)


def torch_pickles():
    rebuild = b"ctorch._utils\n_rebuild_tensor_v2\n"
    matrix = rebuild + tensor(b"torch\nFloatStorage", 4, (2, 2), (1, 2)) + b"R"
    yield "matrix", b"\x80\2}q\0(" + text("w") + matrix + b"q\1" + text("v") + b"h\1u."
    yield "parameter", (b"\x80\2ccollections\nOrderedDict\nq\0)R" + text("w")
                        + b"ctorch._utils\n_rebuild_parameter\n" + matrix + b"\x88h\0)R\x87Rs}"
                        + text("_metadata") + b"}sb.")
    yield "typed", (b"\x80\2}" + text("w") + b"ctorch._utils\n_rebuild_tensor_v3\n"
                    + tensor(b"torch.storage\nUntypedStorage", 16, (8,), (1,),
                             b"ctorch\nuint16\n") + b"Rs.")
    yield "later", (b"\x80\4\x95\x20\0\0\0\0\0\0\0}\x94(\x8c\1a\x94\x8c\5torch\x94"
                    b"\x8c\7float32\x93K\1M\0\1J\0\0\1\0\x8a\2\0\1"
                    b"G\x3f\xf0\0\0\0\0\0\0N\x88](K\1eu.")


def main():
    put("safetensors", "two", safetensors(
        [("a", "F32", [1, 2], bytes(8)), ("b", "I64", [1], bytes(8))], {"format": "pt"}))
    put("safetensors", "odd", safetensors(
        [("s", "U8", [], b"\1"), ("h", "BF16", [2], bytes(4)), ("e", "F16", [0, 3], b"")]))
    put("safetensors", "other", safetensors([("f", "F8_E4M3", [2], b"\1\2"), ("q", "F4", [2], b"\1")]))
    for name, pickle in torch_pickles():
        put("torch_file", name + ".pkl", pickle)
        put("torch_file", name, torch_file(pickle))
    put("json", "all", b'{"a": [1, -2.5e-3, true, false, null, "\\u00e9\\ud83d\\ude00"], "b": {}}')
    put("json", "big", b"[123456789012345678901234567890, -9223372036854775808, 1e400]")
    put("rows", "jsonl", b'\0{"text": "a", "id": 1, "label": "x"}\n\n{"text": "b", "label": true}\n')
    put("rows", "csv", b'\1id,text,label\n1,"a ""b"", c\nd",x\n2,plain,\n')
    put("rows", "tsv", b"\2text\tlabel\na\tb\n")
    put("rows", "lines", b"\3one\r\n\ntwo")
    files = [("m/config.json", b"{}"), ("m/README.md", b"---\nlicense: mit\n---\n"),
             ("m/model.safetensors", bytes(100))]
    put("archive", "stored.zip", zip_file(files, zipfile.ZIP_STORED))
    put("archive", "deflated.zip", zip_file(files, zipfile.ZIP_DEFLATED))
    long_name = [("m/" + "x" * 120, b"long")]
    put("archive", "pax.tar", tar_file(files[:1] + long_name, tarfile.PAX_FORMAT))
    put("archive", "gnu.tar", tar_file(long_name, tarfile.GNU_FORMAT))
    put("archive", "packed.tar.gz", gzip.compress(tar_file(files, tarfile.USTAR_FORMAT), mtime=0))


if __name__ == "__main__":
    main()
