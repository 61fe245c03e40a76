# SPDX-License-Identifier: Apache-2.0
"""Writes the extension module's C source: declarations.py HEADERS.i NATIVE.c

The declarations are those of the public headers, as the compiler's preprocessor leaves them.
"""

import re
import sys

import cffi

MARK = 'extern int trb_declarations_begin;'
# What C calls back.
CALLBACKS = """
extern "Python" void trustbuild_python_log(int level, const char *text, void *user);
"""


def declarations(preprocessed: str) -> str:
    """What follows the mark, without line markers and attributes."""
    before, mark, after = preprocessed.partition(MARK)
    if not mark:
        raise SystemExit('the mark of headers.h is not in the preprocessed text')
    text = re.sub(r'^#.*$', '', after, flags=re.MULTILINE)
    return re.sub(r'__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)', '', text)


def main() -> None:
    source, target = sys.argv[1:]
    with open(source, encoding='utf-8') as file:
        text = declarations(file.read())
    ffi = cffi.FFI()
    ffi.cdef(text + CALLBACKS)
    ffi.set_source('trustbuild._native', '#include <trustbuild/trustbuild.h>\n',
                   py_limited_api=True)
    ffi.emit_c_code(target)


if __name__ == '__main__':
    main()
