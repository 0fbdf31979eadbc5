"""读取脚本时的文字。"""

TABLE: dict[str, str] = {
    "reading.syntax": "{file}:{line}：`{code}`：不支持 {what}。请改用普通的赋值、调用和循环。",
    "reading.failed": "{file}:{line}：`{code}`：脚本自身在此处中断（{kind}：{reason}）。请先让它能运行。",
    "reading.unsupported": "{file}:{line}：`{code}`：无法写入计算图（{reason}）。请改用常见的 NumPy 函数。",
    "reading.function": "{file}:{line}：`{code}`：{name} 作用于依赖参数的值时无法处理（{reason}）。请改用常见的 NumPy 函数。",
    "reading.foreign": "{file}:{line}：`{code}`：{name} 来自外部（第 {origin} 行），其值在这里未知。"
    "请用 --at NAME=FILE.npz 给出，或用 NumPy 计算。",
    "reading.file": "{file}:{line}：`{code}`：不执行 {name}：被审查的脚本不打开文件，也不运行其他代码。"
    "请用 --at x=data.npz 给出数据。",
    "reading.attribute": "{file}:{line}：`{code}`：属性 {name} 属于 Python 内部，不予读取。请去掉它。",
    "reading.kind": "{file}:{line}：`{code}`：不支持 {kind} 类型的数。请使用实数和普通数组。",
    "reading.raises": "{file}:{line}：`{code}`：脚本自身在此处抛出错误。请先让它能运行。",
    "reading.steps": "{file}:{line}：`{code}`：到此已超过 {limit} 步。请缩短循环或数据：几个样本上的一步训练就够了。",
    "reading.memory": "{file}:{line}：`{code}`：结果会过大（上限为 {limit}）。请减少数据：几个样本就够了。",
    "reading.depth": "{file}:{line}：`{code}`：函数调用嵌套超过 {limit} 层。请减少相互嵌套的调用。",
    "reading.too_deep": "{file}：脚本嵌套过深，无法读取。请把长表达式拆成几行。",
    "reading.python2": "{file}:{line}：`{code}`：这是 Python 2（{reason}）。请写成 print(…)，或用 2to3 转换。",
    "reading.no_python": "{file}:{line}：`{code}`：这不是 Python（{reason}）。请先改正这一行。",
    "reading.at": "{name}：不能给出 {kind} 类型的数组。请给出实数或整数。",
    "reading.cost": "--cost {cost}：在求导数的地方无法计算（{reason}）。请使用那里已知的名字。",
    "reading.cost_number": "--cost {cost}：这不是一个依赖参数的单个数。请先求和。",
    "reading.no_cost": "{file}：没有找到代价：在导数之前没有算出任何实数。请用 --of NAME 指出变量，或用 --cost EXPR 给出算式。",
    "reading.no_variable": "{file}：没有名为 {name} 且依赖参数的实数变量。请给 --of 另一个名字。",
    "reading.no_call": "{file}：定义了 {names}，但没有用数据调用它们来求导数。请用 --call CODE 给出调用，"
    '例如 --call "{example}"。',
    "reading.no_claims": '{file}：没有找到 {cost} 的导数。请按变量命名导数：dW1、grad_W1、grads["dW1"]。',
    "reading.unclear": "{file}：无法分清其导数与数值（{reason}）。请依次写出前向部分、代价和导数。",
}
