"""Vector math as aarch64 machine code, run by an emulator where there is one.

Needs `qemu-aarch64`, an assembler and a linker (Debian: qemu-user, binutils-aarch64-linux-gnu);
skipped elsewhere.  The one idea: a program without a C library: it reads numbers, applies a
function in a loop that LLVM vectorises, and writes the results.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest
import vector_accuracy as accuracy

from autodiff_lab.backends.vector_math.emitter import WIDTHS
from autodiff_lab.backends.vector_math.functions import FUNCTIONS, symbol, write, write_far

RUN = shutil.which("qemu-aarch64")
ASSEMBLE, LINK = (shutil.which(f"aarch64-linux-gnu-{tool}") for tool in ("as", "ld"))
TRIPLE = "aarch64-unknown-linux-gnu"
COUNT = 600
PROGRAM = """
@numbers = internal global [{most} x {kind}] zeroinitializer, align 64
@results = internal global [{most} x {kind}] zeroinitializer, align 64
{declared}
declare i64 @system(i64, i64, i64, i64)
define void @_start() {{
  %from = ptrtoint ptr @numbers to i64
  %to = ptrtoint ptr @results to i64
  %got = call i64 @system(i64 63, i64 0, i64 %from, i64 {bytes})
  %count = sdiv i64 %got, {step}
  br label %loop
loop:
  %i = phi i64 [ 0, %0 ], [ %next, %loop ]
{loads}
  %y = call {kind} @{name}({given})
  %q = getelementptr inbounds {kind}, ptr @results, i64 %i
  store {kind} %y, ptr %q
  %next = add nuw nsw i64 %i, 1
  %more = icmp slt i64 %next, %count
  br i1 %more, label %loop, label %done
done:
  %size = mul i64 %count, {width}
  call i64 @system(i64 64, i64 1, i64 %to, i64 %size)
  call i64 @system(i64 93, i64 0, i64 0, i64 0)
  unreachable
}}
"""

SYSTEM = """.text
.global system
system: mov x8, x0
 mov x0, x1
 mov x1, x2
 mov x2, x3
 svc #0
 ret
"""


def target() -> Any:
    """The machine that code is made for."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    return llvm.Target.from_triple(TRIPLE).create_target_machine(
        cpu="neoverse-n1", opt=3, reloc="static", codemodel="small"
    )


def program_text(name: str, dtype: str) -> str:
    """The loop around a function; arguments of two stand behind each other."""
    arity, width = FUNCTIONS[name][0], np.dtype(dtype).itemsize
    kind = WIDTHS[dtype].float_type
    loads = []
    for number in range(arity):
        loads += [f"  %j{number} = add nuw nsw i64 %i, {number * COUNT}",
                  f"  %p{number} = getelementptr inbounds {kind}, ptr @numbers, i64 %j{number}",
                  f"  %x{number} = load {kind}, ptr %p{number}"]
    called = symbol(name, WIDTHS[dtype])
    return PROGRAM.format(
        kind=kind, most=2 * COUNT, bytes=arity * COUNT * width, step=arity * width, width=width,
        loads="\n".join(loads), name=called, declared=f"declare {kind} @{called}"
        f"({', '.join([kind] * arity)})",
        given=", ".join(f"{kind} %x{number}" for number in range(arity)),
    )


def optimised(*texts: str) -> Any:
    """One module of several, with loops vectorised."""
    machine = target()
    module = llvm.parse_assembly(texts[0])
    for text in texts[1:]:
        module.link_in(llvm.parse_assembly(text))
    module.triple, module.data_layout = TRIPLE, str(machine.target_data)
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = True
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return module


def emulated(folder: Path) -> Any:
    """What runs a function of arrays."""
    machine = target()

    def assemble(name: str, text: str) -> str:
        command = [ASSEMBLE, "-o", f"{name}.o", "-"]
        subprocess.run(command, cwd=folder, input=text.encode(), check=True)
        return text

    assemble("system", SYSTEM)
    assemble("far", machine.emit_assembly(optimised(write_far(True))))

    def run(name: str, dtype: str, *arrays: np.ndarray) -> np.ndarray:
        module = optimised(program_text(name, dtype), write(name, WIDTHS[dtype], True))
        text = assemble("main", machine.emit_assembly(module))
        assert re.search(r"\.(2d|4s)\b", text), f"{name} has one lane only"
        objects = ["main.o", "far.o", "system.o"]
        subprocess.run([LINK, "-static", "-o", "main", *objects], cwd=folder, check=True)
        (folder / "in").write_bytes(b"".join(array.tobytes() for array in arrays))
        with (folder / "in").open("rb") as given, (folder / "out").open("wb") as out:
            subprocess.run([RUN, "./main"], cwd=folder, stdin=given, stdout=out, check=True)
        return np.frombuffer((folder / "out").read_bytes(), dtype)

    return run


@pytest.mark.skipif(
    not (RUN and ASSEMBLE and LINK), reason="no emulator of aarch64, or no linker for it"
)
def test_accurate_on_aarch64(tmp_path: Path) -> None:
    run = emulated(tmp_path)
    for name in accuracy.NAMES:
        for dtype in accuracy.DTYPES:
            off, place = accuracy.worst(name, dtype, COUNT, run)
            assert off <= accuracy.MOST, f"{name} {dtype}: {off} ulp at {place}"
