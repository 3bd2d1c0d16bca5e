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


def main():
    put("safetensors", "two", safetensors(
        [("a", "F32", [1, 2], bytes(8)), ("b", "I64", [1], bytes(8))], {"format": "pt"}))
    put("safetensors", "odd", safetensors(
        [("s", "U8", [], b"\1"), ("h", "BF16", [2], bytes(4)), ("e", "F16", [0, 3], b"")]))
    put("safetensors", "other", safetensors([("f", "F8_E4M3", [2], b"\1\2"), ("q", "F4", [2], b"\1")]))
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
