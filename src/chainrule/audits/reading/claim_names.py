"""How people name derivatives: ``dW1``, ``grad_W1``, ``nabla_w[-1]``, ``grads["dW1"]``, ``dJ_dW1``.

Only the words are looked at here; whether the script has such a variable is found out in `claims`.
"""

from __future__ import annotations

import re
from functools import lru_cache

COSTS = """
    j l e c cost loss err error costs losses total_loss total_cost loss_total data_loss obj
    objective mse bce nll ce cross_entropy crossentropy energy risk cost_value loss_value
""".split()  # noqa: SIM905 - words, not quotes
NUMERATOR = r"(?:j|l|c|e|cost|loss|err|error|obj|total_?loss|total_?cost|f|objective)"
RESIDUALS = frozenset("e c l err error errors total sse".split())  # noqa: SIM905 - also names of other things
OTHER_WORDS = frozenset(
    [
        "grad",
        "history",
        "list",
        "smooth",
        "running",
        "ema",
        "prev",
        "previous",
        "old",
        "best",
        "val",
        "valid",
        "test",
        "plus",
        "minus",
    ]
)
FORMS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"^_?d_?{NUMERATOR}_?(?:d|wrt|by|over)_?(?P<x>\w+)$",
        rf"^_?(?:partial|grad)_?{NUMERATOR}_(?:d|wrt)?_?(?P<x>\w+)$",
        r"^(?:grads?|gradients?|nabla|deriv|derivative|del|diff)_(?:of_|wrt_|d_?)?(?P<x>\w+)$",
        r"^delta_nabla_(?P<x>\w+)$",
        r"^deltas?_(?P<x>\w+)$",
        r"^(?P<x>\w+?)_(?:grads?|gradients?|bar|nabla|derivative)$",
        r"^(?:g|G)_(?P<x>\w+)$",
        r"^d_(?P<x>\w+)$",
        r"^(?:sum|total|acc|all|mean|avg)_d(?P<x>\w+)$",
    )
]
RUN_TOGETHER = [
    re.compile(r"^(?:grad|nabla|Grad|delta|Delta)(?P<x>[A-Z0-9]\w*|[a-z]\d*)$"),
    re.compile(r"^d(?P<x>[A-Za-z]\w*)$"),
    re.compile(r"^d(?P<x>[A-Za-z]\w*?)s?$"),
    re.compile(r"^g(?P<x>[A-Za-z]\d*)$"),
]
WORDS_WITH_D = re.compile(
    r"_d(?:\d+|ec|ecoder|ecode|ense|own|isc|iscriminator|ata|eep|elta|epth|iag|ir|irect|oc|ot|rop|st|ay|h)_?\d*$"
)  # after a variable: W_dec, b_dense
LOCAL = re.compile(r"^d_?(?P<y>[A-Za-z]\w*?)_d_?(?P<x>\w+)$")
ENTRY = re.compile(r"""^(?P<owner>.*?)\[(?P<key>[^\[\]]*)\]$""", re.DOTALL)
GRADIENTS = re.compile(
    r"^_?(?:grads?|gradients?|dparams?|d_params|derivatives|nablas?|gradient_?dict|g)$", re.IGNORECASE
)
DELTA = re.compile(r"^(?:deltas?|errors?_?term)(?:_?\d*|_l|_output|_hidden)$|^\w+_deltas?$", re.IGNORECASE)
NO_CLAIMS = frozenset(
    {"dt", "data", "dataset", "debug", "decay", "depth", "dim", "dims", "dtype", "dict", "done"}
)


@lru_cache(maxsize=65536)
def bare(text: str) -> str:
    """Return the last word of a name: ``W1`` for ``self.W1`` and for ``params["W1"]``."""
    found = ENTRY.match(text)
    if found:
        key = found["key"].strip()
        return key[1:-1] if key[:1] in "'\"" and key[-1:] in "'\"" and len(key) > 1 else bare(found["owner"])
    return text.rpartition(".")[2]


def owner_of(text: str) -> str:
    """Return the last word of a container's name: ``grads`` for ``self.grads["W1"]``; empty without one."""
    found = ENTRY.match(text)
    return found["owner"].rpartition(".")[2] if found else ""


def is_word(text: str) -> bool:
    """Return whether a name is an entry of a dict under a word."""
    found = ENTRY.match(text)
    return bool(found) and found["key"].strip()[:1] in ("'", '"')  # type: ignore[index]


@lru_cache(maxsize=4096)
def stems(text: str) -> tuple[str, ...]:
    """Return the variables whose derivative a name may mean, the likeliest first; none if it is no such name.

    Examples
    --------
    >>> stems("dW1"), stems("dJ_db"), stems('grads["W1"]'), stems("da_dz"), stems("dW_dec")
    (('W1',), ('b', 'J_db'), ('W1',), (), ('W_dec',))
    """
    name = bare(text)
    if name.lower() in NO_CLAIMS:
        return ()
    found = _stems_of_word(name)
    if is_word(text) and GRADIENTS.match(owner_of(text)):
        return (*found, name) if found else (name,)
    return found


def _stems_of_word(name: str) -> tuple[str, ...]:
    stripped = name.lstrip("_")
    found: list[str] = []
    for form in FORMS[:2]:
        match = form.match(stripped)
        if match:
            found.append(match["x"])
    if not found and LOCAL.match(stripped) and not WORDS_WITH_D.search(stripped):
        return ()
    for form in FORMS[2:] if not found else ():
        match = form.match(stripped)
        if match:
            found.append(match["x"])
    for form in RUN_TOGETHER:
        match = form.match(stripped)
        if match:
            found.extend([match["x"]])
    # `dc_bar` is more likely about c_bar than about dc.
    found.sort(key=lambda stem: bool(stem) and stripped.startswith(stem) and stem.startswith("d"))
    return tuple(dict.fromkeys(stem for stem in found if stem))


def is_delta(text: str) -> bool:
    """Return whether a name is what backpropagation calls derivatives by what goes into an activation."""
    return bool(DELTA.match(bare(text)))


@lru_cache(maxsize=4096)
def looks_like_claim(text: str) -> bool:
    """Return whether a name has the form of a derivative."""
    return bool(stems(text)) or is_delta(text)


@lru_cache(maxsize=4096)
def looks_like_cost(text: str) -> bool:
    """Return whether a name is one that people give to costs."""
    return cost_rank(text) < len(COSTS)


def cost_rank(text: str) -> int:
    """Return how likely a name is that of a cost, 0 the likeliest; large where it is none."""
    if bare(text) in RESIDUALS:
        return 3
    name = bare(text).lower().strip("_")
    name = re.sub(r"\d+$", "", name)
    if name in COSTS:
        return 0
    words = set(re.split(r"_|\d", name))
    if words & {"cost", "loss", "objective"} and not words & OTHER_WORDS:
        return 1
    return len(COSTS)
