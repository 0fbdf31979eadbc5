"""编译器的文字。"""

TABLE = {
    "compiler.failed": "{name}：生成的源代码无法编译（{reason}）。请改用解释器运行计算图，并报告此问题。",
    "compiler.unlinked": "{symbol}：编译好的代码无法链接（{reason}）。请改用解释器运行计算图，并报告此问题。",
    "compile.no_function": "compile 需要一个函数，而不是 {given}。请写一个函数：cr.compile(lambda x: x * x)。",
    "compile.interpreted": "{name} 由解释器运行，数值相同，只是较慢：{reason}",
    "compile.operation": "{dtype} 类型的 {name}（{where}）无法编译。",
    "compile.too_long": "{name} 有 {count} 个运算；超过 {most} 个时，编译所费的时间得不偿失。",
    "compile.update": "优化器返回了常数，或在几处返回同一数组。",
}
