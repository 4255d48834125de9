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
