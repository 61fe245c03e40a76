#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tree-digest.py FOLDER: the SHA-256 git tree id of a folder, written a second time."""
import hashlib
import os
import sys


def git_id(kind, body):
    return hashlib.sha256(b"%s %d\0" % (kind, len(body)) + body).digest()


def entry(path, name):
    if os.path.islink(path):
        return name, b"120000", git_id(b"blob", os.readlink(path))
    if os.path.isdir(path):
        return name + b"/", b"40000", tree(path)
    with open(path, "rb") as f:
        body = f.read()
    program = os.stat(path).st_mode & 0o100
    return name, b"100755" if program else b"100644", git_id(b"blob", body)


def tree(folder):
    entries = sorted(entry(os.path.join(folder, name), name) for name in os.listdir(folder))
    return git_id(b"tree", b"".join(mode + b" " + key.rstrip(b"/") + b"\0" + digest
                                    for key, mode, digest in entries))


print(tree(os.fsencode(sys.argv[1])).hex())
