"""Compares assay's tokenizers with Hugging Face `tokenizers` and `transformers`: ids, offsets, type
ids, sequence ids, special masks, overflowing windows, decoded text.

    python tools/check_tokenizer_parity.py DRIVER DATA [--model DIR] [--random N] [--only NAME] [--quick]

DRIVER is the built tests/tokenizer_driver; DATA holds tokenizers/, tatoeba/ and text_detection/.
Prints one line a tokenizer and kind of text; exits 1 on any mismatch. Needs: tokenizers,
transformers.
"""
import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import unicodedata

from tokenizers import (AddedToken, BertWordPieceTokenizer, ByteLevelBPETokenizer, Regex, Tokenizer,
                        decoders, models, normalizers, pre_tokenizers, processors)

SCALARS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def brief(e):
    return " ".join(f"{i},{b},{d}" for i, (b, d) in zip(e.ids, e.offsets))


def window(e):
    return " ".join(f"{i},{b},{d},{t},{-1 if s is None else s},{m}" for i, (b, d), t, s, m in zip(
        e.ids, e.offsets, e.type_ids, e.sequence_ids, e.special_tokens_mask))


def full(e):
    return " | ".join([window(e)] + [window(o) for o in e.overflowing])


class Check:
    def __init__(self, driver):
        self.driver, self.bad, self.total = driver, 0, 0

    def run(self, name, kind, model, mode, lines, expect):
        """`lines` are dicts for the driver; expect(line) is what HF says, or None to skip it."""
        start = time.time()
        with tempfile.TemporaryFile("w+") as asked, tempfile.TemporaryFile("w+") as said:
            for line in lines:
                asked.write(json.dumps(line) + "\n")
            asked.seek(0)
            subprocess.run([self.driver, model] + mode, stdin=asked, stdout=said, check=True)
            said.seek(0)
            bad = n = 0
            for line, got in zip(lines, said):
                n += 1
                want = expect(line)
                if want is not None and got.rstrip("\n") != want:
                    bad += 1
                    if bad <= 5:
                        print(f"  {name} {kind}: {json.dumps(line)[:600]}\n    want {want[:1500]}\n    got  {got.rstrip()[:1500]}")
            bad += len(lines) - n + len(said.read())
        print(f"{name}: {kind}: {len(lines)} texts, {bad} mismatches, {time.time() - start:.0f} s", flush=True)
        self.bad += bad
        self.total += len(lines)


def build(data, work, minilm):
    """Yields (name, our path, HF tokenizer)."""
    from transformers import BertTokenizer, GPT2Tokenizer, RobertaTokenizer
    vocab = os.path.join(data, "tokenizers", "bert-base-uncased", "vocab.txt")
    gpt2 = [os.path.join(data, "tokenizers", "gpt2", f) for f in ("vocab.json", "merges.txt")]

    def folder(name, files=(), **extra):
        path = os.path.join(work, name)
        os.makedirs(path)
        for f in files:
            shutil.copy(f, path)
        for key, value in extra.items():
            with open(os.path.join(path, key + ".json"), "w") as f:
                json.dump(value, f)
        return path

    def saved(name, tokenizer):
        path = folder(name)
        tokenizer.save(os.path.join(path, "tokenizer.json"))
        return name, path, tokenizer

    path = folder("bert-files", [vocab])
    yield "bert-files", path, BertTokenizer.from_pretrained(path)._tokenizer
    yield "bert-wordpiece", path, BertWordPieceTokenizer(vocab, lowercase=True)._tokenizer
    path = folder("bert-cased", [vocab], tokenizer_config={"do_lower_case": False, "model_max_length": 512},
                  special_tokens_map={"additional_special_tokens": ["[unused5]", "<new>"]},
                  added_tokens={"Zz z": 30522})
    yield "bert-cased", path, BertTokenizer.from_pretrained(path)._tokenizer
    t = BertWordPieceTokenizer(vocab, lowercase=True)._tokenizer
    t.add_tokens([AddedToken("Hello World", normalized=True), AddedToken("cafe", single_word=True),
                  AddedToken("qu", lstrip=True, rstrip=True), AddedToken("\u0131x", normalized=False)])
    yield saved("bert-json", t)
    if minilm:
        t = Tokenizer.from_file(os.path.join(minilm, "tokenizer.json"))
        t.no_padding()
        yield "minilm-json", minilm, t
    path = folder("gpt2-files", gpt2)
    yield "gpt2-files", path, GPT2Tokenizer.from_pretrained(path)._tokenizer
    t = ByteLevelBPETokenizer(*gpt2)._tokenizer
    t.add_special_tokens([AddedToken("<|endoftext|>", special=True), AddedToken("<mask>", lstrip=True, special=True)])
    t.add_tokens([AddedToken("\n\n", rstrip=True), AddedToken("word", single_word=True)])
    yield saved("gpt2-json", t)
    path = folder("roberta-files", gpt2, config={"model_type": "roberta"},
                  tokenizer_config={"add_prefix_space": True, "mask_token": {
                      "__type": "AddedToken", "content": "<mask>", "lstrip": True, "rstrip": False,
                      "single_word": False, "normalized": False}})
    t = RobertaTokenizer.from_pretrained(path)._tokenizer
    yield "roberta-files", path, t
    t = Tokenizer.from_str(t.to_str())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.post_processor = processors.RobertaProcessing(("</s>", t.token_to_id("</s>")), ("<s>", t.token_to_id("<s>")),
                                                    trim_offsets=True, add_prefix_space=False)
    yield saved("roberta-json", t)

    words = {w.rstrip("\n"): i for i, w in enumerate(open(vocab, encoding="utf-8"))}

    def wordpiece(name, normalizer, pre_tokenizer):
        t = Tokenizer(models.WordPiece(words, unk_token="[UNK]", max_input_chars_per_word=100))
        t.normalizer, t.pre_tokenizer = normalizer, pre_tokenizer
        t.add_special_tokens(["[CLS]", "[SEP]"])
        t.decoder = decoders.WordPiece(cleanup=False)
        return saved(name, t)

    N, P = normalizers, pre_tokenizers
    yield wordpiece("nfkc", N.Sequence([N.NFKC(), N.Lowercase(), N.Strip()]), P.Whitespace())
    yield wordpiece("nfkd", N.Sequence([N.NFKD(), N.StripAccents(), N.Lowercase()]),
                    P.Sequence([P.WhitespaceSplit(), P.Punctuation("merged_with_previous"), P.Digits(individual_digits=True)]))
    yield wordpiece("nfc", N.Sequence([N.NFC(), N.Prepend("\u00e9a"), N.Replace("e", "ee"), N.Replace(Regex("[0-9]+"), "")]),
                    P.Sequence([P.Digits(), P.Punctuation("contiguous"), P.Split("a", "merged_with_next")]))
    yield wordpiece("nfd", N.NFD(), P.Sequence([P.Split(Regex(r"[a-m]+|[0-9]|[\s!]+"), "isolated", invert=True), P.Split(" ", "removed")]))
    yield wordpiece("strip-only", N.BertNormalizer(lowercase=False, strip_accents=True, handle_chinese_chars=False), P.BertPreTokenizer())
    yield wordpiece("lower-only", N.BertNormalizer(lowercase=True, strip_accents=False, clean_text=False), P.BertPreTokenizer())
    byte = {w: i for i, w in enumerate(json.load(open(gpt2[0], encoding="utf-8")))}
    t = Tokenizer(models.BPE(byte, [tuple(m.rstrip("\n").split(" ")) for m in open(gpt2[1], encoding="utf-8")][1:20000],
                             ignore_merges=True))
    t.normalizer = N.NFC()
    t.pre_tokenizer = P.Sequence([P.Split(Regex("[^\\s]+|\\s+"), "isolated"), P.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=True, add_prefix_space=True),
                                            processors.TemplateProcessing("ee $A", "ee $A:1 ! $B:2", [("ee", 1453), ("!", 0)])])
    t.decoder = decoders.ByteLevel()
    yield saved("llama-style", t)
    chars = {c: i for i, c in enumerate(["<unk>"] + [chr(c) for c in range(33, 127)] + [chr(c) + "</w>" for c in range(33, 127)])}
    merges = []
    for a, b in [("t", "h"), ("th", "e</w>"), ("i", "n"), ("in", "g</w>"), ("e", "r</w>"), ("o", "n"), ("a", "n"), ("an", "d</w>"), ("a", "a"), ("aa", "aa")]:
        merges.append((a, b))
        chars.setdefault(a + b, len(chars))
    for fuse in (False, True):
        t = Tokenizer(models.BPE(chars, merges, unk_token="<unk>", end_of_word_suffix="</w>", fuse_unk=fuse))
        t.normalizer, t.pre_tokenizer, t.decoder = N.Lowercase(), P.Whitespace(), decoders.BPEDecoder("</w>")
        yield saved("char-bpe" + ("-fused" if fuse else ""), t)
    few = {w: i for w, i in byte.items() if len(w) < 2 and w not in "eĠÃ©"}
    few = {w: i for i, w in enumerate(few)}
    t = Tokenizer(models.BPE(few, []))
    t.pre_tokenizer, t.post_processor, t.decoder = P.ByteLevel(), processors.ByteLevel(), decoders.ByteLevel()
    yield saved("lacking-bytes", t)


def random_texts(n, seed=7):
    r = random.Random(seed)
    ranges = [(0x20, 0x7E), (0xA0, 0x17F), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x4FF), (0x590, 0x6FF),
              (0x900, 0xDFF), (0xE00, 0xFFF), (0x1100, 0x11FF), (0x1AB0, 0x1AFF), (0x1DC0, 0x1EFF),
              (0x2000, 0x206F), (0x2070, 0x2BFF), (0x3000, 0x30FF), (0x3130, 0x318F), (0x4E00, 0x4FFF),
              (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFB00, 0xFDFF), (0xFE00, 0xFFFD), (0x10000, 0x107FF),
              (0x11000, 0x119FF), (0x1D100, 0x1D7FF), (0x1E000, 0x1E9FF), (0x1F300, 0x1FAFF), (0x20000, 0x200FF),
              (0x2F800, 0x2FA1F), (0xE0000, 0xE01FF)]
    marks = [c for c in SCALARS if unicodedata.combining(chr(c)) or unicodedata.category(chr(c)) in ("Mn", "Mc")]
    spaces = [" ", " ", " ", "  ", "\n", "\n\n", "\t", "\r\n", "\u00a0", "\u3000", "\u2028", "\u200b", "\ufeff", "\x00", "\x85", "\x0b", "\u180e"]
    words = "the The it's don't we'll they've I'm you'd 'S hello Hello World cafe café naïve unaffable 2023 12345 3.14 x_y don\u2019t quick word words ".split()
    special = ["[CLS]", "[SEP]", "[MASK]", "[UNK]", "[PAD]", "<|endoftext|>", "<mask>", " <mask> ", "<s>", "</s>", "<pad>", "Hello World", "hello  world", "cafe", "qu", "\u0131x",
               "<new>", "Zz z", "[unused5]", "[mask]", "<|endoftext", "\n\n"]
    punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~…—–“”‘’«»¿¡、。"
    emoji = ["👍🏽", "👩‍👩‍👧", "🇩🇪", "☺️", "1️⃣", "😀"]

    def part():
        k = r.random()
        if k < .28:
            return r.choice(words)
        if k < .46:
            return r.choice(spaces)
        if k < .54:
            return r.choice(punctuation) * r.choice((1, 1, 2, 5))
        if k < .62:
            return r.choice(special)
        if k < .66:
            return r.choice(emoji)
        if k < .74:
            return r.choice("aeinoACEÅéñ가ᄀとक") + "".join(chr(r.choice(marks)) for _ in range(r.randint(1, 5)))
        if k < .77:
            return chr(r.choice(marks))
        if k < .79:
            return chr(r.choice(SCALARS))
        lo, hi = r.choice(ranges)
        return "".join(chr(r.randint(lo, hi)) for _ in range(r.randint(1, 6)))

    for _ in range(n):
        yield "".join(part() for _ in range(r.randint(0, 14)))


def read(path, key):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line)[key] for line in f]


def check_calls(check, name, path, hf, texts, n):
    """Pairs, truncation of all kinds, windows, special tokens or not."""
    r = random.Random(11)
    lines = []
    for _ in range(n):
        line = {"text": " ".join(r.choice(texts) for _ in range(r.randint(0, 3)))[:r.choice((0, 5, 80, 400))]}
        if r.random() < .6:
            line["pair"] = r.choice(texts)[:r.choice((0, 5, 80, 400))]
        line["plain"] = r.random() < .3
        line["strategy"] = r.choice(["none", "longest_first", "longest_first", "only_first", "only_second"])
        if line["strategy"] != "none":
            line.update(max=r.randint(1, 40), stride=r.choice((0, 0, 1, 2, 5)), left=r.random() < .4, overflow=True)
        lines.append(line)

    def expect(line):
        hf.no_truncation()
        try:
            if line["strategy"] != "none":
                hf.enable_truncation(line["max"], stride=line["stride"], strategy=line["strategy"],
                                     direction="left" if line["left"] else "right")
            return full(hf.encode(line["text"], line.get("pair"), add_special_tokens=not line["plain"]))
        except BaseException as e:  # a panic is no Exception
            if isinstance(e, KeyboardInterrupt):
                raise
            return "!"

    stderr = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)  # the library's panics would fill the screen
    kept = hf.truncation
    try:
        wants = [expect(line) for line in lines]
    finally:
        os.dup2(stderr, 2)
        hf.no_truncation()
        if kept:
            hf.enable_truncation(**kept)
    # Where the special tokens alone exceed the length, the reference's subtraction wraps: no length.
    special = {p: hf.num_special_tokens_to_add(p) for p in (False, True)}
    pairs = [(l, w) for l, w in zip(lines, wants)
             if l["strategy"] == "none" or l["plain"] or l["max"] >= special["pair" in l]]
    refused = [l for l, w in pairs if w == "!"]
    fine = [(l, w) for l, w in pairs if w != "!"]
    answers = iter([w for _, w in fine])
    check.run(name, "calls", path, ["encode"], [l for l, _ in fine], lambda _: next(answers))
    out = subprocess.run([check.driver, path, "encode"], input="".join(json.dumps(l) + "\n" for l in refused),
                         capture_output=True, text=True).stdout.splitlines()
    accepted = [l for l, o in zip(refused, out) if not o.startswith("!ERROR_ARGUMENT")]
    print(f"{name}: calls that HF refuses: {len(refused)} texts, {len(accepted)} accepted")
    for line in accepted[:3]:
        print("  ", json.dumps(line))
    check.bad += len(accepted)


def check_decode(check, name, path, hf, n):
    r = random.Random(5)
    size = hf.get_vocab_size()
    special = [i for i, t in hf.get_added_tokens_decoder().items()] or [0]
    lines = [{"ids": [r.choice(special) if r.random() < .1 else r.randrange(size + 2) for _ in range(r.randint(0, 20))],
              "skip": r.random() < .5} for _ in range(n)]
    lines += [{"ids": [i], "skip": s} for i in range(size) for s in (False, True)]

    def expect(line):
        # Compared as JSON: escapes may differ.
        return hf.decode(line["ids"], skip_special_tokens=line["skip"])

    out = subprocess.run([check.driver, path, "decode"], input="".join(json.dumps(l) + "\n" for l in lines),
                         capture_output=True, text=True).stdout.split("\n")[:-1]
    bad = 0
    for line, got in zip(lines, out):
        got = got if got.startswith("!") else json.loads(got)
        if got != expect(line):
            bad += 1
            if bad < 5:
                print("  ", name, "decode", line, repr(expect(line)), repr(got))
    bad += len(lines) - len(out)
    print(f"{name}: decode: {len(lines)} lists, {bad} mismatches")
    check.bad += bad
    check.total += len(lines)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("driver")
    p.add_argument("data")
    p.add_argument("--model", help="a folder with the tokenizer.json of all-MiniLM-L6-v2")
    p.add_argument("--random", type=int, default=100000)
    p.add_argument("--only")
    p.add_argument("--quick", action="store_true", help="a tenth of everything")
    a = p.parse_args()
    check = Check(a.driver)
    step = 10 if a.quick else 1
    tatoeba = read(os.path.join(a.data, "tatoeba", "tatoeba.jsonl"), "text")
    detection = [t for s in ("train", "valid", "test_iid")
                 for t in read(os.path.join(a.data, "text_detection", s + ".jsonl"), "text")]
    fuzz = list(random_texts(a.random))
    sets = [("scalars", [chr(c) for c in SCALARS]), ("scalars between letters", ["a" + chr(c) + "b" for c in SCALARS]),
            ("tatoeba", tatoeba), ("text_detection", detection), ("random", fuzz)]
    with tempfile.TemporaryDirectory() as work:
        for name, path, hf in build(a.data, work, a.model):
            if a.only and a.only not in name:
                continue
            for kind, texts in sets:
                check.run(name, kind, path, ["encode", "brief"], [{"text": t} for t in texts[::step]],
                          lambda line: brief(hf.encode(line["text"])))
            check_calls(check, name, path, hf, tatoeba[::97] + fuzz[:2000] + detection[::400], 5000 // step)
            check_decode(check, name, path, hf, 5000 // step)
    print(f"{check.total} comparisons, {check.bad} mismatches")
    return 1 if check.bad or not check.total else 0


if __name__ == "__main__":
    sys.exit(main())
