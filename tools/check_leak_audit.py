#!/usr/bin/env python3
"""Plants leaks into a clean data set and asks `assay data show` for them.

    tools/check_leak_audit.py build/assay FOLDER [--weakest]

FOLDER holds train.jsonl and others (valid.jsonl, test_iid.jsonl) with text, label, id and group, and
labels human and ai. Ten copies get one leak each, in 85 % of the rows of one label and 3 % of the
other's; the audit must name each planted one, and none on the data as it is. Where it names a switch
of `assay data clean`, the switch must take the leak away. With --weakest, also
how few rows of a label may carry each leak, in steps of 2.5 %, and still be found (none of the other
label). Exits 1 when anything is missed.
"""
import json
import os
import random
import re
import subprocess
import sys
import tempfile

SHARE, OTHER = 0.85, 0.03


def read(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def write(path, rows):
    with open(path, "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def sentences(text):
    return [i for i, c in enumerate(text) if c == " " and i and text[i - 1] in ".!?"]


def put(text, at, what, instead=1):
    return text[:at] + what + text[at + instead:]


def spaces(text):
    return [i for i, c in enumerate(text) if c == " "]


def newline(text, draw):
    at = sentences(text) or spaces(text)
    return put(text, draw.choice(at), "\n") if at else text


def double_space(text, draw):
    at = sentences(text) or spaces(text)
    return put(text, draw.choice(at), "  ") if at else text


def curly_quotes(text, draw):
    text = re.sub(r"(^|[\s(])\"", "\\1\u201c", text).replace('"', "\u201d")
    return re.sub(r"(^|[\s(])'", "\\1\u2018", text).replace("'", "\u2019")


def length(text, draw):
    words = text.split(" ")
    return " ".join(words[:max(5, len(words) * 2 // 5)])


def header(text, draw):
    return "Answer: " + text


def no_break_space(text, draw):
    at = spaces(text)
    return put(text, draw.choice(at), "\u00a0") if at else text


def encoding_trace(text, draw):
    mangled = text.replace("'", "\u2019").encode().decode("cp1252", "replace")
    if mangled != text:
        return mangled
    at = spaces(text)
    return put(text, draw.choice(at), "\u00c2\u00a0") if at else text


def one_word(text, draw):
    at = spaces(text)
    return put(text, draw.choice(at), " moreover ") if at else text


# name: how, in which label, which traits would name it
PLANTS = {
    "newline": (newline, "human", {"newlines", "newline_share"}),
    "double space": (double_space, "ai", {"double_spaces"}),
    "curly quotes": (curly_quotes, "human", {"curly_quotes"}),
    "length": (length, "ai", {"bytes", "characters", "words"}),
    "header": (header, "ai", {"first_characters", "first_word"}),
    "no-break space": (no_break_space, "human", {"odd_spaces"}),
    "encoding trace": (encoding_trace, "human", {"encoding_traces"}),
    "one word": (one_word, "ai", {"word"}),
}


def plant(rows, how, label, share, other, draw):
    out = []
    for row in rows:
        chance = share if row["label"] == label else other
        row = dict(row)
        if draw.random() < chance:
            row["text"] = how(row["text"], draw)
        out.append(row)
    return out


def audit(assay, paths):
    done = subprocess.run([assay, "data", "show", "--json", "--quiet", *paths],
                          capture_output=True, text=True, check=True)
    traits = json.loads(done.stdout)["audit"]["traits"]
    return [trait for trait in traits if trait["leak"]]


def mended(assay, path, leak):
    """Whether the fix that the leak names takes it away; None where it names no switch."""
    if not leak["fix"].startswith("assay data clean --"):
        return None
    out = path + ".mended.jsonl"
    for name in os.listdir(os.path.dirname(path)):
        if ".mended." in name:
            os.remove(os.path.join(os.path.dirname(path), name))
    subprocess.run([assay, *leak["fix"].split()[1:], path, "-o", out, "--quiet"],
                   capture_output=True, check=True)
    return leak["name"] not in {other["name"] for other in audit(assay, [out])}


def told(leaks):
    words = []
    for leak in leaks:
        what = leak["name"] + (f" {leak['string']!r}" if leak["string"] else "")
        words.append(what + (f" {leak['auroc']:.3f}" if "auroc" in leak else f" {leak['rows']} rows"))
    return "; ".join(words[:5]) or "nothing"


def main():
    assay, folder = sys.argv[1], sys.argv[2]
    weakest = "--weakest" in sys.argv[3:]
    train = read(os.path.join(folder, "train.jsonl"))
    others = {name: read(os.path.join(folder, name)) for name in ("valid.jsonl", "test_iid.jsonl")
              if os.path.exists(os.path.join(folder, name))}
    missed = 0
    with tempfile.TemporaryDirectory() as work:
        def check(name, files, expected):
            nonlocal missed
            paths = [os.path.join(work, file) for file in files]
            for path, rows in zip(paths, files.values()):
                write(path, rows)
            leaks = audit(assay, paths)
            names = {leak["name"] for leak in leaks}
            right = bool(names & expected) if expected else not leaks
            missed += not right
            print(f"{'found ' if right and expected else 'none  ' if right else 'WRONG '} {name}: "
                  f"{told(leaks)}", flush=True)
            for leak in leaks:
                if leak["name"] not in expected or len(paths) > 1:
                    continue
                gone = mended(assay, paths[0], leak)
                missed += gone is False
                if gone is not None:
                    print(f"       {'mended' if gone else 'WRONG, still there'}: {leak['name']} "
                          f"by {leak['fix']}", flush=True)

        check("the data as it is: train", {"train.jsonl": train}, set())
        for name, rows in others.items():
            check(f"the data as it is: {name}", {name: rows}, set())
        every = {"train.jsonl": train, **others}
        check("the data as it is: all files together", every, set())
        for name, (how, label, expected) in PLANTS.items():
            draw = random.Random(name)
            check(name, {"train.jsonl": plant(train, how, label, SHARE, OTHER, draw)}, expected)
        draw = random.Random("across")
        for name, rows in others.items():
            copies = draw.sample(train, len(rows) // 50)
            copies = [{**row, "id": f"again-{i}", "group": f"again-{i}"}
                      for i, row in enumerate(copies)]
            check(f"duplicated rows across splits ({name})", {**every, name: rows + copies},
                  {"rows_across_files"})
            moved = [dict(row) for row in rows]
            for row in draw.sample(moved, 5):
                row["group"] = draw.choice(train)["group"]
            check(f"a group across splits ({name})", {**every, name: moved},
                  {"groups_across_files"})
        for name, (how, label, expected) in PLANTS.items() if weakest else ():
            least = None
            for step in range(40, 0, -1):
                draw = random.Random(name)
                path = os.path.join(work, "weak.jsonl")
                write(path, plant(train, how, label, step / 40, 0, draw))
                if not {leak["name"] for leak in audit(assay, [path])} & expected:
                    break
                least = step / 40
            print(f"{name}: found from {100 * least:g} % of the rows of {label} on" if least
                  else f"{name}: not found", flush=True)
    print("missed" if missed else "all planted leaks are named, and none on the clean data")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
