# SPDX-License-Identifier: Apache-2.0
"""Writes the extension module's C source: declarations.py HEADERS.h NATIVE.c DEPFILE COMPILER…

The declarations are those of the public headers, as the compiler's preprocessor leaves them.
"""

import re
import subprocess
import sys

import cffi

INCLUDES = ''.join(f'#include <trustbuild/{name}.h>\n'
                   for name in ('trustbuild', 'sys/build', 'sys/enclave', 'sys/source'))
MARK = 'extern int trb_declarations_begin;'
# What C calls back.
CALLBACKS = """
extern "Python" void trustbuild_python_log(int level, const char *text, void *user);
extern "Python" int trustbuild_python_output(int stream, trb_bytes chunk, void *user);
"""


def preprocess(source: str, target: str, depfile: str, compiler: 'list[str]') -> str:
    """The text of source and of all it includes; Ninja learns which files these are."""
    command = [*compiler, '-E', '-MD', '-MF', depfile, '-MQ', target, source]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, encoding='utf-8').stdout


def declarations(preprocessed: str) -> str:
    """What follows the mark, without line markers and attributes."""
    before, mark, after = preprocessed.partition(MARK)
    if not mark:
        raise SystemExit('the mark of headers.h is not in the preprocessed text')
    text = re.sub(r'^#.*$', '', after, flags=re.MULTILINE)
    return re.sub(r'__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)', '', text)


def main() -> None:
    source, target, depfile, *compiler = sys.argv[1:]
    ffi = cffi.FFI()
    ffi.cdef(declarations(preprocess(source, target, depfile, compiler)) + CALLBACKS)
    ffi.set_source('trustbuild._native', INCLUDES, py_limited_api=True)
    ffi.emit_c_code(target)


if __name__ == '__main__':
    main()
