"""Writes tests/vectors/data: what Python makes of texts that `assay data` cleans and compares.

    python tools/make_data_vectors.py

nfc.json      [text, unicodedata.normalize("NFC", text)]
entities.json [text, html.unescape(text)]
jaccard.json  [text, text, words of the first, Jaccard similarity of their sets of 3 words in a row]

Needs: Python 3.11 (Unicode 14); tokenizers, to leave out the marks that its older tables, from
which src/text has its own, do not know to be marks.
"""
import html
import html.entities
import json
import os
import random
import unicodedata

from tokenizers import normalizers

FOLDER = os.path.join(os.path.dirname(__file__), "..", "tests", "vectors", "data")


def write(name, cases):
    with open(os.path.join(FOLDER, name), "w") as out:
        out.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")


def nfc_cases(draw):
    """Every character that NFC or NFD changes, singly in runs; and random orders of marks."""
    # U+1193B U+11935 composes since Unicode 13, which the tables do not know.
    scalars = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF and c != 0x11938]
    moved = [c for c in scalars if unicodedata.normalize("NFD", chr(c)) != chr(c)]
    hangul = [c for c in moved if 0xAC00 <= c < 0xD7A4]
    moved = [c for c in moved if not 0xAC00 <= c < 0xD7A4] + draw.sample(hangul, 200)
    cases = []
    for i in range(0, len(moved), 40):
        run = [chr(c) for c in moved[i:i + 40]]
        cases.append("x".join(run))
        cases.append("x".join(unicodedata.normalize("NFD", c) for c in run))
    def known(mark):
        nfc = normalizers.NFC().normalize_str
        pairs = ["a" + mark + "\u0334", "a\u0345" + mark]
        return all(nfc(p) == unicodedata.normalize("NFC", p) for p in pairs)
    marks = [chr(c) for c in scalars if unicodedata.combining(chr(c))]
    marks = [m for m in marks if known(m)]
    bases = "aeiouAEIOUnc가ㅎقकあ" + "".join(chr(c) for c in draw.sample(moved, 30))
    for _ in range(300):
        cases.append("".join(draw.choice(bases) + "".join(draw.choices(marks, k=draw.randrange(5)))
                             for _ in range(6)))
    return [[c, unicodedata.normalize("NFC", c)] for c in cases]


def entity_cases(draw):
    names = sorted(html.entities.html5)
    cases = ["&" + " &".join(names[i:i + 30]) for i in range(0, len(names), 30)]
    cases += ["&" + n.rstrip(";") + draw.choice(["x", "1", ";", "", "=", "&", "é"]) for n in names[::7]]
    cases += ["&#%d;" % n for n in list(range(0, 300)) + [0xD7FF, 0xD800, 0xDFFF, 0xFDD0, 0xFFFE, 0x1FFFF,
                                                          0x10FFFF, 0x110000, 10**30]]
    cases += ["&#x%x" % n for n in (0, 9, 10, 13, 0x41, 0x80, 0x9f, 0xAD, 0x1F600, 0x10FFFE, 16**20)]
    cases += ["&", "&;", "&#;", "&#x;", "&#xg;", "&#12a", "&&amp;", "&amp;lt;", "&ampersand;", "& amp;",
              "&no-such;", "&" + "a" * 40 + ";", "&" + "a" * 31 + ";", "a&b", "&#1234", "&lt&gt", "&notit;"]
    alphabet = "&#;xXaAltgmp1239 <é"
    cases += ["".join(draw.choices(alphabet, k=12)) for _ in range(300)]
    return [[c, html.unescape(c)] for c in cases]


def words(text):
    found, word = [], ""
    for c in unicodedata.normalize("NFC", text):
        kind = unicodedata.category(c)[0]
        if kind not in "LMN":
            found, word = found + [word] * bool(word), ""
        elif 0x4E00 <= ord(c) < 0xA000 or 0x3040 <= ord(c) < 0x3100:
            found, word = found + [word] * bool(word) + [c], ""
        else:
            word += c.lower()
    return found + [word] * bool(word)


def shingles(text):
    w = words(text)
    return {tuple(w[i:i + 3]) for i in range(len(w) - 2)} if len(w) > 2 else {tuple(w)} if w else set()


def jaccard_cases(draw):
    stock = ("the a river house café naïve Straße ÉCOLE Москва река Дом вода Αθήνα λόγος 2024 x1 "
             "don't e\u0301te\u0301 ñandu").split()
    cjk = "今天天氣很好我們去公園散步かなカナ"
    cases = [["", ""], ["one", "one"], ["One two", "one TWO!"], ["a b c", "a b d"]]
    for _ in range(60):
        a = [draw.choice(stock) if draw.random() < .9 else "".join(draw.choices(cjk, k=4))
             for _ in range(draw.randrange(1, 60))]
        b = [w if draw.random() < .95 else draw.choice(stock) for w in a]
        gap = lambda: draw.choice([" ", "  ", ", ", "\n", " - "])
        cases.append(["".join(w + gap() for w in a), "".join(w.upper() if draw.random() < .1 and w != "Straße"
                                                             else w for w in sum(([w, gap()] for w in b), []))])
    out = []
    for a, b in cases:
        x, y = shingles(a), shingles(b)
        out.append([a, b, len(words(a)), len(x & y) / len(x | y) if x | y else 1.0])
    return out


if __name__ == "__main__":
    os.makedirs(FOLDER, exist_ok=True)
    write("nfc.json", nfc_cases(random.Random(1)))
    write("entities.json", entity_cases(random.Random(2)))
    write("jaccard.json", jaccard_cases(random.Random(3)))
