"""Texts of reading scripts."""

TABLE: dict[str, str] = {
    "reading.syntax": "{file}:{line}: `{code}`: {what} is not followed. Write it as plain assignments, calls and loops.",
    "reading.failed": "{file}:{line}: `{code}`: the script itself stops here ({kind}: {reason}). Make it run first.",
    "reading.unsupported": "{file}:{line}: `{code}`: this cannot be put into the graph ({reason}). "
    "Write it with the usual NumPy functions.",
    "reading.function": "{file}:{line}: `{code}`: {name} of values that depend on the parameters is not known "
    "({reason}). Write it with the usual NumPy functions.",
    "reading.foreign": "{file}:{line}: `{code}`: {name} comes from outside (line {origin}) and its value is not "
    "known here. Give the value by --at NAME=FILE.npz, or compute it with NumPy.",
    "reading.file": "{file}:{line}: `{code}`: {name} is not carried out: a script that is audited opens no files and "
    "runs no other code. Give the data by --at x=data.npz.",
    "reading.attribute": "{file}:{line}: `{code}`: the attribute {name} belongs to Python's inside and is not "
    "looked at. Leave it out.",
    "reading.kind": "{file}:{line}: `{code}`: numbers of kind {kind} are not followed. Use real numbers and plain arrays.",
    "reading.raises": "{file}:{line}: `{code}`: the script itself raises an error here. Make it run first.",
    "reading.steps": "{file}:{line}: `{code}`: more than {limit} steps so far. Shorten the loops or the data: one "
    "step of training on a few examples is enough.",
    "reading.memory": "{file}:{line}: `{code}`: this would become too large (the bound is {limit}). Use less data: "
    "a few examples are enough.",
    "reading.depth": "{file}:{line}: `{code}`: calls are nested more than {limit} deep. Call fewer functions inside "
    "each other.",
    "reading.too_deep": "{file}: the script is nested too deeply to be followed. Write long expressions as several "
    "lines.",
    "reading.python2": "{file}:{line}: `{code}`: this is Python 2 ({reason}). Write print(…), or convert it with 2to3.",
    "reading.no_python": "{file}:{line}: `{code}`: this is no Python ({reason}). Correct the line first.",
    "reading.at": "{name}: arrays of kind {kind} cannot be given. Give real or whole numbers.",
    "reading.cost": "--cost {cost}: this cannot be computed where the derivatives are made ({reason}). Use names "
    "that are known there.",
    "reading.cost_number": "--cost {cost}: this is no single number that depends on the parameters. Sum it up.",
    "reading.no_cost": "{file}: no cost was found: no real number is computed before the derivatives. Say which "
    "variable it is by --of NAME, or what it is by --cost EXPR.",
    "reading.no_variable": "{file}: no variable {name} holds a real number that depends on the parameters. Give "
    "--of another name.",
    "reading.no_call": "{file}: it defines {names}, but nothing calls them with data that lead to derivatives. "
    'Give the call by --call CODE, for example --call "{example}".',
    "reading.no_claims": "{file}: no derivative was found of {cost}. Name derivatives after their variables: dW1, "
    'grad_W1, grads["dW1"].',
    "reading.unclear": "{file}: its derivatives cannot be told from its values ({reason}). Write the forward part, the cost "
    "and the derivatives one after the other.",
}
