"""Writes tests/vectors/tokenizer/: small tokenizers trained on sentences invented here, and what
Hugging Face makes of many strings with them.

    python tools/make_tokenizer_vectors.py [tests/vectors/tokenizer]

Each folder holds a tokenizer (tokenizer.json, or vocabulary files), cases.jsonl (a call and its
result: [id, begin, end] of every token; windows of [id, begin, end, type, sequence, special]; or
ids and their text) and digest.txt:
FNV-1a, 64 bits, over the ids and offsets of every Unicode scalar value alone, then between letters.
Needs: tokenizers, transformers.
"""
import json
import os
import random
import shutil
import sys
import unicodedata

from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers,
                        processors, trainers)

SCALARS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
SUBJECTS = ("The baker", "An old clock", "My neighbour's cat", "The river", "A careful engineer", "Nobody",
            "The café on the corner", "Her naïve brother", "Every lighthouse keeper", "The small red boat")
VERBS = ("doesn't remember", "watches", "is counting", "has quietly repaired", "will never sell", "keeps losing",
         "described", "can't understand", "was painting", "might have forgotten")
OBJECTS = ("the wooden bridge", "12 apples and 7 pears", "a letter from 1987", "the harbour at night", "its own shadow",
           "three unfinished songs", "the weather report", "an enormous pumpkin", "the missing key", "what they've said")
ENDS = (".", "!", "?", ", again.", " - or so it seems.", " (twice).", "...")


def sentences():
    r = random.Random(1)
    for _ in range(3000):
        yield f"{r.choice(SUBJECTS)} {r.choice(VERBS)} {r.choice(OBJECTS)}{r.choice(ENDS)}"


def committed_vocabulary(path):
    """The WordPiece vocabulary that stands in the folder, or None."""
    if os.path.exists(os.path.join(path, "tokenizer.json")):
        with open(os.path.join(path, "tokenizer.json")) as f:
            return json.load(f)["model"]["vocab"]
    if os.path.exists(os.path.join(path, "vocab.txt")):
        with open(os.path.join(path, "vocab.txt")) as f:
            return {line.rstrip("\n"): i for i, line in enumerate(f)}
    return None


def wordpiece(lowercase, path):
    """Trained once: the trainer breaks ties by chance, so what is committed is kept."""
    vocabulary = committed_vocabulary(path)
    t = Tokenizer(models.WordPiece(vocabulary or {}, unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    if vocabulary:
        t.add_special_tokens(special)
    else:
        t.train_from_iterator(sentences(), trainers.WordPieceTrainer(
            vocab_size=500, special_tokens=special, show_progress=False))
    return t


def byte_level(size, add_prefix_space=False):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(sentences(), trainers.BpeTrainer(
        vocab_size=size, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    return t


def write_vocabulary(t, path):
    """The model's own files, without the tokenizer.json."""
    t.model.save(path)


def build(root):
    """Yields (folder, HF tokenizer)."""
    from transformers import BertTokenizer, GPT2Tokenizer, RobertaTokenizer

    def folder(name):
        path = os.path.join(root, name)
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path)
        return path

    def put(path, name, value):
        with open(os.path.join(path, name), "w") as f:
            json.dump(value, f)

    def save(path, t):
        t.save(os.path.join(path, "tokenizer.json"), pretty=False)
        return path, t

    t = wordpiece(True, os.path.join(root, "bert_json"))
    t.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1",
                                                     [("[CLS]", 2), ("[SEP]", 3)])
    t.add_tokens([AddedToken("Old Clock", normalized=True), AddedToken("key", single_word=True),
                  AddedToken("@@", lstrip=True, rstrip=True)])
    t.enable_truncation(16, stride=2)
    yield save(folder("bert_json"), t)
    t = wordpiece(False, os.path.join(root, "bert_files"))
    path = folder("bert_files")
    write_vocabulary(t, path)
    put(path, "tokenizer_config.json", {"do_lower_case": False, "model_max_length": 64, "tokenize_chinese_chars": False})
    put(path, "special_tokens_map.json", {"additional_special_tokens": ["<new>"], "mask_token": {
        "content": "[MASK]", "lstrip": True, "rstrip": False, "single_word": False, "normalized": False}})
    put(path, "added_tokens.json", {"<old>": 10000})
    yield path, BertTokenizer.from_pretrained(path)._tokenizer
    path = folder("gpt2_files")
    write_vocabulary(byte_level(500), path)
    put(path, "tokenizer_config.json", {"add_bos_token": True, "model_max_length": 1e30})
    yield path, GPT2Tokenizer.from_pretrained(path)._tokenizer
    path = folder("roberta_files")
    write_vocabulary(byte_level(480), path)
    put(path, "config.json", {"model_type": "roberta"})
    put(path, "tokenizer_config.json", {"add_prefix_space": True, "added_tokens_decoder": {"4": {
        "content": "<mask>", "lstrip": True, "rstrip": False, "single_word": False, "normalized": False, "special": True}}})
    yield path, RobertaTokenizer.from_pretrained(path)._tokenizer
    t = byte_level(420)
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"\s+|[a-z']+|[^\sa-z']+"), "isolated"), pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.post_processor = processors.ByteLevel(trim_offsets=True)
    t.add_tokens([AddedToken("\n\n", rstrip=True), AddedToken(" boat", normalized=True)])
    yield save(folder("bpe_json"), t)
    t = wordpiece(True, os.path.join(root, "nfkd_json"))
    t.normalizer = normalizers.Sequence([normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase(),
                                         normalizers.Strip(), normalizers.Replace("pears", "the keys"), normalizers.Prepend("a ")])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation("merged_with_next")])
    yield save(folder("nfkd_json"), t)


def texts():
    r = random.Random(3)
    marks = [c for c in SCALARS if unicodedata.combining(chr(c))]
    yield from ["", " ", "\n", "a", "The baker doesn't remember the wooden bridge.", "  Two  spaces  ", "tab\tand\nnew lines\r\n\r\nend ",
                "I'm you're they've he'll she'd it's won't 'S 'T", "naïve café Ångström İstanbul ΑΣΟΣ ǅ ﬁ ½", "e\u0301a\u0323\u0307a\u0307\u0323\u0301",
                "你好，世界 한국어 ᄀ\u1161\u11a8 日本語 テスト", "مرحبا שלום नमस्ते ไทย", "👍🏽 👩‍👩‍👧 🇩🇪 ☺️", "\u200b\ufeff\u00ad\u0000x\ufffd\u180e\u0085",
                "x" * 120, "the" * 60, "#!/$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "12345 6.7e8 ٣٤ ½ ²", "OLD CLOCK old clock oLD cLOCKs a key keys monkey key.",
                "@@ a @@b@@  @@", "[CLS] [MASK] [SEP][UNK] [mask]", "<mask>  <mask>x <s></s><|endoftext|> <new><old> \n\n\n x boat\n\n boat"]
    starts = list(range(0x20, 0x3000, 0x200)) + [0x3000, 0x4E00, 0xA000, 0xAC00, 0xF900, 0xFB00, 0xFE00, 0x10000, 0x10A00, 0x11000, 0x12000,
                                                0x16A00, 0x1B000, 0x1D100, 0x1D800, 0x1E900, 0x1F300, 0x1F900, 0x20000, 0x2F800, 0xE0000, 0xF0000, 0x10FF00]
    for start in starts:
        yield " ".join("".join(chr(start + r.randrange(0x80)) for _ in range(r.randint(1, 3))) for _ in range(2))
    for _ in range(12):
        yield "".join(r.choice("aeoAE가ᄀक ") + "".join(chr(r.choice(marks)) for _ in range(r.randint(0, 4))) for _ in range(4))
    pool = list(sentences())
    for _ in range(12):
        yield " ".join(r.choice(pool) for _ in range(r.randint(1, 3)))


def windows(e):
    return [[[i, b, d, t, -1 if s is None else s, m] for i, (b, d), t, s, m in zip(
        w.ids, w.offsets, w.type_ids, w.sequence_ids, w.special_tokens_mask)] for w in [e] + e.overflowing]


def flat(window):
    return [v for token in window for v in token]


def cases(hf):
    kept = hf.truncation
    some = list(texts())
    for text in some:
        e = hf.encode(text)  # as the file truncates
        yield {"text": text, "tokens": [v for i, (b, d) in zip(e.ids, e.offsets) for v in (i, b, d)]}
    hf.no_truncation()
    r = random.Random(9)
    for text in some[:12]:
        yield {"text": text, "none": True, "windows": [flat(windows(hf.encode(text))[0])]}
    tried = 0
    while tried < 80:
        case = {"text": r.choice(some)[:r.choice((3, 30, 200))], "strategy": r.choice(["longest_first", "only_first", "only_second"]),
                "max": r.randint(4, 24), "stride": r.choice((0, 0, 1, 3)), "left": r.random() < .4, "plain": r.random() < .3}
        if r.random() < .6:
            case["pair"] = r.choice(some)[:r.choice((3, 30, 200))]
        hf.no_truncation()
        try:
            hf.enable_truncation(case["max"], stride=case["stride"], strategy=case["strategy"], direction="left" if case["left"] else "right")
            e = hf.encode(case["text"], case.get("pair"), add_special_tokens=not case["plain"])
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            continue
        if len(e.overflowing) > 12:
            continue
        case["windows"] = [flat(w) for w in windows(e)]
        tried += 1
        yield case
    hf.no_truncation()
    size = hf.get_vocab_size()
    for k in range(30):
        ids = [r.randrange(size) for _ in range(r.randint(0, 12))] if k else list(range(size))
        yield {"ids": ids, "skip": k % 2 == 0, "decoded": hf.decode(ids, skip_special_tokens=k % 2 == 0)}
    if kept:
        hf.enable_truncation(**kept)


def fnv(h, values):
    for v in values:
        h = ((h ^ (v & 0xFFFFFFFF)) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return h


def digest(hf, texts):
    h = 0xCBF29CE484222325
    for text in texts:
        e = hf.encode(text)
        values = [len(e.ids)]
        for i, (b, d) in zip(e.ids, e.offsets):
            values += (i, b, d)
        h = fnv(h, values)
    return h


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else "tests/vectors/tokenizer"
    for path, hf in build(root):
        with open(os.path.join(path, "cases.jsonl"), "w") as f:
            for case in cases(hf):
                f.write(json.dumps(case, separators=(",", ":")) + "\n")
        with open(os.path.join(path, "digest.txt"), "w") as f:
            f.write(f"{digest(hf, map(chr, SCALARS)):016x} {digest(hf, ('a' + chr(c) + 'b' for c in SCALARS)):016x}\n")
        print(path, flush=True)


if __name__ == "__main__":
    main()
