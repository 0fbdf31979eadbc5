"""Texts of the compiler."""

TABLE = {
    "compiler.failed": "{name}: the emitted source cannot be compiled ({reason}). Run the graph by the interpreter, and report this.",
    "compiler.unlinked": "{symbol}: the compiled code cannot be linked ({reason}). Run the graph by the interpreter, and report this.",
    "compile.no_function": "compile takes a function, not {given}. Write one: cr.compile(lambda x: x * x).",
    "compile.interpreted": "{name} runs by the interpreter, with the same values but more slowly: {reason}",
    "compile.operation": "{name} in {dtype} ({where}) cannot be compiled.",
    "compile.too_long": "{name} has {count} operations; more than {most} take longer to compile than it is worth.",
    "compile.update": "the optimizer returns a constant, or one array in several places.",
}
