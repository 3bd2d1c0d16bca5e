"""Writes src/text/unicode_table.c: what Hugging Face `tokenizers` does with every Unicode scalar.

    python tools/make_unicode_tables.py [src/text/unicode_table.c]

The library mixes several Unicode versions (Rust's standard library, two crates, two regular
expression engines), so nothing is taken from a Unicode database: each behaviour is probed through
the component that shows it, one character at a time. Needs: tokenizers.
"""
import sys
import tokenizers
from tokenizers import normalizers, pre_tokenizers

BLOCK = 128
SCALARS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
HANGUL = range(0xAC00, 0xAC00 + 11172)

FLAGS = ["WHITESPACE", "BERT_DROPPED", "BERT_SPACE", "CHINESE", "NONSPACING", "COMBINING",
         "PUNCTUATION", "NUMERIC", "LETTER", "NUMBER", "SPACE", "WORD", "REGEX_SPACE", "BERT_PLAIN"]
BIT = {name: 1 << i for i, name in enumerate(FLAGS)}


def bert(**on):
    options = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    options.update(on)
    return normalizers.BertNormalizer(**options).normalize_str


def pieces(component, text):
    return [p for p, _ in component.pre_tokenize_str(text)]


def probe_flags():
    clean, chinese, strip = bert(clean_text=True), bert(handle_chinese_chars=True), bert(strip_accents=True)
    whole = normalizers.BertNormalizer().normalize_str
    accents, nfd = normalizers.StripAccents().normalize_str, normalizers.NFD().normalize_str
    bert_split, punctuation = pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Punctuation()
    white, digits = pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Digits(individual_digits=True)
    words = pre_tokenizers.Whitespace()
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    flags = {}
    for c in SCALARS:
        s, f = chr(c), 0
        if len(pieces(white, "a" + s + "b")) == 2:
            f |= BIT["WHITESPACE"]
        cleaned = clean(s)
        if cleaned == "":
            f |= BIT["BERT_DROPPED"]
        elif cleaned == " ":
            f |= BIT["BERT_SPACE"]
        else:
            assert cleaned == s
        if chinese(s) != s:
            assert chinese(s) == " " + s + " "
            f |= BIT["CHINESE"]
        if strip(s) == "" and nfd(s) == s:
            f |= BIT["NONSPACING"]
        if accents(s) == "":
            f |= BIT["COMBINING"]
        isolated = len(pieces(bert_split, "a" + s + "b")) == 3
        assert isolated == (len(pieces(punctuation, "a" + s + "b")) == 3)
        if isolated:
            f |= BIT["PUNCTUATION"]
        if len(pieces(digits, "a" + s + "b")) == 3:
            f |= BIT["NUMERIC"]
        found = [name for name, before in (("LETTER", "a"), ("NUMBER", "1"), (None, "!"))
                 if len(pieces(byte_level, before + s)) == 1]
        assert len(found) <= 1
        if not found:
            f |= BIT["SPACE"]
        elif found[0]:
            f |= BIT[found[0]]
        if pieces(words, "a" + s) == ["a" + s]:
            f |= BIT["WORD"]
        elif pieces(words, "!" + s) != ["!" + s]:
            f |= BIT["REGEX_SPACE"]
        if whole(s) == s and not f & (BIT["BERT_SPACE"] | BIT["NONSPACING"]):
            f |= BIT["BERT_PLAIN"]
        flags[c] = f
    return flags


def probe_mapping(normalize, skip=()):
    out = {}
    for c in SCALARS:
        if c not in skip:
            got = normalize(chr(c))
            if got != chr(c):
                out[c] = tuple(map(ord, got))
    return out


def probe_classes(nfd, decomposed):
    """Combining classes, renumbered in their order from 1: only the order matters."""
    low, high = chr(0x334), chr(0x345)  # the lowest and the highest class there is: overlay, iota
    marks = [c for c in SCALARS if c not in decomposed and c not in HANGUL
             and (nfd(chr(c) + low) != chr(c) + low or nfd(high + chr(c)) != high + chr(c))]
    assert ord(low) in marks and ord(high) in marks

    def before(a, b):  # is the class of a below that of b?
        return nfd(chr(b) + chr(a)) == chr(a) + chr(b)

    groups = []  # ordered, one representative first in each
    for m in marks:
        for i, group in enumerate(groups):
            if before(m, group[0]):
                groups.insert(i, [m])
                break
            if not before(group[0], m):
                group.append(m)
                break
        else:
            groups.append([m])
    return {m: i + 1 for i, group in enumerate(groups) for m in group}


def probe_compositions(nfc, decomposed):
    pairs = []
    for c, parts in decomposed.items():
        if len(parts) < 2 or nfc("".join(map(chr, parts))) != chr(c):
            continue
        first = nfc("".join(map(chr, parts[:-1])))
        if len(first) == 1 and nfc(first + chr(parts[-1])) == chr(c):
            pairs.append((ord(first), parts[-1], c))
        else:
            raise SystemExit(f"no pair composes U+{c:04X}")
    return sorted(pairs)


def two_stage(values):
    """values: dict; absent is 0. Returns block numbers and the blocks, one after the other."""
    seen, stage1, stage2 = {}, [], []
    for start in range(0, 0x110000, BLOCK):
        block = tuple(values.get(c, 0) for c in range(start, start + BLOCK))
        if block not in seen:
            seen[block] = len(seen)
            stage2.extend(block)
        stage1.append(seen[block])
    return stage1, stage2


def emit(out, kind, name, values, hexadecimal=False):
    out.append(f"const {kind} {name}[{len(values)}] = {{")
    line = "   "
    for v in values:
        item = f" 0x{v:x}," if hexadecimal else f" {v},"
        if len(line) + len(item) > 98:
            out.append(line)
            line = "   "
        line += item
    out.extend([line, "};", ""])


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else "src/text/unicode_table.c"
    nfd = normalizers.NFD().normalize_str
    flags = probe_flags()
    decomposed = probe_mapping(nfd, skip=HANGUL)
    compatible = {c: m for c, m in probe_mapping(normalizers.NFKD().normalize_str, skip=HANGUL).items()
                  if decomposed.get(c) != m}
    lower = probe_mapping(normalizers.Lowercase().normalize_str)
    classes = probe_classes(nfd, decomposed)
    for c in classes:
        flags[c] &= ~BIT["BERT_PLAIN"]
    pairs = probe_compositions(normalizers.NFC().normalize_str, decomposed)

    pool, where = [0], {}

    def place(mapping):
        index = {}
        for c, m in mapping.items():
            if m not in where:
                where[m] = len(pool)
                pool.append(len(m))
                pool.extend(m)
            index[c] = where[m]
        return index

    indexes = {"lower": place(lower), "nfd": place(decomposed), "nfkd": place(compatible)}
    assert len(pool) < 65536
    out = ["/* Generated by tools/make_unicode_tables.py by probing every Unicode scalar value through",
           f" * tokenizers {tokenizers.__version__}. Do not edit. */",
           "/* clang-format off */",
           '#include "text/unicode.h"', ""]
    for name, kind, values in [("flags", "uint16_t", flags), ("class", "uint8_t", classes)] + [
            (n, "uint16_t", v) for n, v in indexes.items()]:
        stage1, stage2 = two_stage(values)
        assert max(stage1) < 65536
        emit(out, "uint8_t" if max(stage1) < 256 else "uint16_t", f"unicode_{name}_block", stage1)
        emit(out, kind, f"unicode_{name}_value", stage2)
        print(name, len(stage2) // BLOCK, "blocks")
    emit(out, "uint32_t", "unicode_pool", pool, True)
    emit(out, "uint32_t", "unicode_compositions", [v for p in pairs for v in p], True)
    out.append(f"const uint32_t unicode_composition_count = {len(pairs)};")
    with open(path, "w") as f:
        f.write("\n".join(out) + "\n")
    print(len(pool), "pool;", len(pairs), "compositions;", max(classes.values()), "classes")


if __name__ == "__main__":
    main()
