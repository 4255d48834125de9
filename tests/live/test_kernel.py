"""The compiled product of matrix and vector belongs to its source."""

import pytest
from live_kernel import PROGRAM, SUMS, compile_program, find_compiler, sums


def test_the_hashes_are_those_of_source_and_program():
    assert SUMS.read_text(encoding="utf-8") == sums(), "run: python book/_tools/live_kernel.py"


def test_clang_14_compiles_the_source_to_this_program(tmp_path):
    compiler = find_compiler()
    if compiler is None or not compiler.endswith("clang-14"):
        pytest.skip("clang 14 is not installed (Debian: clang-14, lld-14)")

    compile_program(compiler, tmp_path / "matvec.wasm")

    assert (tmp_path / "matvec.wasm").read_bytes() == PROGRAM.read_bytes()


HEAD = b"\0asm\1\0\0\0\1\x09\1\x60\5\x7f\x7f\x7f\x7f\x7f\0"  # a function of five integers
HEAD += b"\2\x0f\1\3env\6memory\2\0\1\3\2\1\0\7\x0c\1\x08multiply\0\0"
TRAPS, DOES_NOTHING = HEAD + b"\x0a\5\1\3\0\0\x0b", HEAD + b"\x0a\4\1\2\0\x0b"


@pytest.mark.parametrize("program", [TRAPS, DOES_NOTHING, b"<!doctype html>", b""])
def test_a_program_that_does_not_multiply_leaves_the_work_to_javascript(page, program):
    assert page("kernel", bytes=[*program]) == "JavaScript"
    assert page("kernel", bytes=[*PROGRAM.read_bytes()]) == "WebAssembly SIMD"
