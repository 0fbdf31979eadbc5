"""`Network`: dense layers, a cost, and learning by gradient descent; saved to and loaded from a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.datasets import Scaling
from chainrule.graph.graph import Graph
from chainrule.graph.node import Node
from chainrule.network.explainable import Explaining
from chainrule.network.inputs import (
    InputScale,
    examples_of,
    pair_of,
    table_of,
    traced_outputs,
    with_parameters,
)
from chainrule.network.judging import Judging
from chainrule.network.learning import Learning, Material, wanted
from chainrule.network.machines import CompiledParts, report
from chainrule.network.prediction import Prediction
from chainrule.network.programs import Programs
from chainrule.network.saved import Saved, write
from chainrule.nn.architecture import read_settings
from chainrule.nn.costs import CostFunction
from chainrule.training.checkpoints import Checkpoint
from chainrule.training.evaluation import Evaluation
from chainrule.training.examples import Examples, WeightedExamples
from chainrule.training.history import History, Listener
from chainrule.training.optimizers import Lbfgs, Optimizer
from chainrule.training.schedules import Schedule
from chainrule.training.settings import check_not_negative, check_positive
from chainrule.training.stopping import EarlyStopping
from chainrule.training.targets import Targets, example_weights, infer_targets

Array = np.ndarray[Any, Any]


class Network(Explaining):
    """A network of dense layers that learns by mini-batch gradient descent.

    a₀ = x, a_l = g_l(a_{l−1} W_l + b_l); examples are rows, W_l has shape (n_{l−1}, n_l), b_l (n_l,). The
    derivatives are those of its graph; no layer and no cost has one of its own.

    Parameters
    ----------
    sizes
        The number of inputs, of units in each hidden layer, and of outputs: ``[784, 30, 10]``.
    activation
        The hidden layers' activation, one name or one for each: sigmoid, tanh, relu, leaky_relu, elu, gelu,
        silu, softplus, identity.
    cost
        "cross_entropy", "quadratic" (½ Σ over outputs (y − a)², the mean over examples), "mse", "mae",
        "huber", "poisson" (of counts), or a function of (output, target) that returns one number, or an array
        (m,) with one for each example, whose mean is then the cost.
    output
        The output activation; None chooses it by the cost: softmax for cross_entropy (sigmoid if there is one
        output), sigmoid for quadratic, exp for poisson, identity for the others.
    initialiser
        "xavier", "he", "normal", "zeros"; None: he if all hidden layers are of the relu family, else xavier.
    seed
        Of the initial weights and of the shuffling: the same seed gives the same weights, bit for bit.
    dtype
        "float32" or "float64": of the parameters and of all computation.

    Raises
    ------
    SettingError
        If a setting is impossible; `UnknownNameError`, with the nearest name, if a name is unknown.

    Examples
    --------
    >>> import chainrule as cr
    >>> x, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    >>> net = cr.Network([2, 4, 1], activation="tanh", cost="cross_entropy", seed=1)
    >>> history = net.fit(x, y, epochs=500, batch_size=4, learning_rate=1.0)
    >>> net.predict(x)
    array([0, 1, 1, 0])
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        activation: str | Sequence[str] = "sigmoid",
        cost: str | CostFunction = "cross_entropy",
        output: str | None = None,
        initialiser: str | None = None,
        seed: int = 0,
        dtype: Any = "float32",
    ) -> None:
        source = np.random.SeedSequence(check_not_negative("seed", seed))
        self.architecture = read_settings(sizes, activation, cost, output, initialiser, dtype)
        weights, shuffling = source.spawn(2)
        self._values = self.architecture.start(np.random.default_rng(weights))
        self._shuffling = shuffling
        self._programs = Programs(self.architecture)
        self._prediction = Prediction(self.architecture, self._programs)
        self._judging = Judging(self.architecture, self._programs)
        self._learning = Learning(self.architecture)
        self.history = History()
        self.targets: Targets | None = None
        self.scaling: Scaling | None = None
        self.information: dict[str, Any] = {}

    def __repr__(self) -> str:
        a = self.architecture
        hidden = ", ".join(dict.fromkeys(a.activations)) or "none"
        cost = a.cost if isinstance(a.cost, str) else getattr(a.cost, "__name__", "function")
        return f"<Network {list(a.sizes)}: {hidden} → {a.output}, cost {cost}, {self.size} parameters>"

    @property
    def size(self) -> int:
        """The number of parameters."""
        return sum(value.size for value in self._values)

    @property
    def labels(self) -> Array | None:
        """What the outputs stand for, in order; None for a regression, and before the first fit."""
        return None if self.targets is None else self.targets.labels

    @property
    def parameters(self) -> dict[str, Array]:
        """The parameters by name, W1, b1 …; arrays of the network itself, to be read, not written."""
        views = [value.view() for value in self._values]
        for view in views:
            view.setflags(write=False)
        return dict(zip(self.architecture.parameter_shapes, views, strict=True))

    def set_parameters(self, **values: Any) -> None:
        """Replace parameters by name: ``net.set_parameters(W1=…, b1=…)``.

        Raises
        ------
        SettingError
            If there is no such parameter, or its shape is another.
        """
        self._values = with_parameters(self.parameters, values)

    # Computing.

    def __call__(self, x: Any) -> Array:
        """Return the outputs for examples in rows: shape (m, k), or (k,) for one example of shape (n,).

        A traced ``x`` gives a traced output, the parameters being constants: so ``cr.grad`` differentiates by
        the inputs.

        Machine code computes them once so much has been asked for that it would keep the interpreter busy for
        about a second, or after `compile`; values differ by rounding.

        Raises
        ------
        DataError
            If ``x`` has another number of features, or holds NaN or infinity. It may be a sparse table.
        """
        found = self._prediction.quickly(x, self._values, self.scaling)
        if found is not None:
            return found
        if isinstance(x, Node):
            traced: Array = traced_outputs(x, self.architecture, self.scaling, self._values)
            return traced
        table = table_of(x, self.architecture.sizes[0])
        outputs = self._prediction(table, self._scale(), self._values)
        return outputs[0] if np.ndim(x) == 1 else outputs

    def predict(self, x: Any) -> Array:
        """Return labels (m,) for a classifier, values for a regression: (m,) if there is one output.

        A single output is the second label from 0.5 on. Before any fit the labels are 0, 1, 2 … if the cost
        is one for labels.
        """
        outputs = np.atleast_2d(self(x))
        decoded: Array = self._known_targets().decode(outputs)
        return decoded[0] if np.ndim(x) == 1 else decoded

    def evaluate(self, x: Any, y: Any) -> Evaluation:
        """Return the mean cost and the accuracy (labels) or R² (regression) on data.

        By machine code once so much has been asked for that it pays, as for predictions.
        """
        targets = self.targets or self._infer(y)
        self._retrace()
        examples = self._examples(x, y, targets)
        worth = self._judging.is_worth(len(examples))
        return self._judging(examples, targets, self._values, compiled=worth)

    def gradients(self, x: Any, y: Any) -> dict[str, Array]:
        """Return the gradient of the mean cost over the examples by each parameter, named as `parameters`.

        Of a memory map or a sparse table it is the mean of the gradients of portions, by their size.
        """
        examples = self._examples(x, y, self.targets or self._infer(y))
        self._retrace()
        whole = not (examples.streamed or examples.sparse)
        portions = [examples.gather(slice(None))] if whole else examples.chunks()
        values = self._programs.mean_gradients(self._values, portions)
        return dict(zip(self.architecture.parameter_shapes, values, strict=True))

    def graph(self, examples: int = 1, *, cost: bool = False) -> Graph:
        """Return the network as a graph: of its outputs, or of the mean cost, for a number of examples.

        Examples
        --------
        >>> import chainrule as cr
        >>> cr.Network([2, 1]).graph()
        <Graph network: 3 inputs, 3 operations, 1 outputs>
        """
        check_positive("examples", examples)
        return self.architecture.cost_graph(examples) if cost else self.architecture.output_graph(examples)

    # Machine code.

    def compile(self) -> Network:
        """Have predictions and evaluations run as machine code from now on, made at once; return the network.

        Once: the code is kept on disk. Without this call it is made as soon as it pays, and for `fit` as its
        setting ``compiled`` says. Several threads may predict at once.

        Examples
        --------
        >>> import numpy as np
        >>> import chainrule as cr
        >>> net = cr.Network([2, 3, 1]).compile()
        >>> net(np.array([1.0, 2.0])).shape
        (1,)
        >>> net.compiled.parts
        ('prediction', 'judging')
        """
        self._prediction.compile()
        self._judging.compile()
        return self

    @property
    def compiled(self) -> CompiledParts:
        """Which parts run as machine code by now, and why others cannot."""
        return report(prediction=self._prediction, judging=self._judging, learning=self._learning)

    # Learning.

    def fit(
        self,
        x: Any,
        y: Any,
        *,
        epochs: int = 30,
        batch_size: int = 10,
        learning_rate: float = 0.1,
        optimizer: str | Optimizer | Lbfgs = "sgd",
        schedule: str | Schedule | Callable[[int], float] | None = None,
        validation_data: tuple[Any, Any] | None = None,
        early_stopping: bool | int | EarlyStopping = False,
        shuffle: bool = True,
        progress: bool | Listener = False,
        callbacks: Sequence[Listener] = (),
        sample_weight: Any = None,
        class_weight: str | Mapping[Any, float] | None = None,
        judge_training: bool = True,
        checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
        resume: bool = False,
        log: str | os.PathLike[str] | None = None,
        compiled: bool | None = None,
    ) -> History:
        """Learn by mini-batch gradient descent: θ ← θ − η ∂C/∂θ for each mini-batch, C its mean cost.

        Every epoch shuffles the examples and cuts them into mini-batches; the last, smaller one is the mean
        over its own examples. Fitting again goes on from the present parameters.

        Parameters
        ----------
        x
            Examples in rows, shape (m, n). A memory map is read mini-batch by mini-batch, never as a whole. A
            sparse array or matrix of SciPy's, of any format, becomes dense one mini-batch at a time.
        y
            Labels (whole numbers or words, shape (m,)), one-hot rows (m, k), or regression targets, (m,) or
            (m, k).
        epochs, batch_size, learning_rate
            How often through the data, examples in a mini-batch, and η.
        optimizer
            "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "nadam", "lion", or what the
            functions of these names in `chainrule.training.optimizers` return; `chain` there adds penalties,
            weight decay and clipping. Its state is kept for the next fit. Or "lbfgs", for small data: all
            examples at each step, ``epochs`` iterations at most; η and ``batch_size`` mean nothing then.
        schedule
            What η is multiplied by in the course of the fit: "step", "exponential", "cosine", "warmup",
            "one_cycle", "plateau", what those of `chainrule.training.schedules` return, or a function of the
            mini-batch's number, from 0.
        validation_data
            ``(x, y)`` on which every epoch is judged.
        early_stopping
            True, a number of epochs, or `chainrule.training.stopping.EarlyStopping`: stop after ten, or so
            many, in which the validation cost (without validation data the cost) did not fall, and bring the
            best parameters back.
        shuffle
            Whether every epoch draws a new order.
        progress
            True prints a line an epoch; a function is handed `Progress` records, about twenty a second.
        callbacks
            More such functions. Where one returns True, the fit stops.
        sample_weight
            A weight for each example, 0 or more: C = Σ wᵢ cᵢ / Σ wᵢ over all examples.
        class_weight
            By which the examples of each label are weighted besides: a mapping of labels, or "balanced".
        judge_training
            Whether the accuracy on the training examples is found after every epoch.
        checkpoint
            A folder in which every epoch leaves what is needed to go on after a stop, or
            `chainrule.training.checkpoints.Checkpoint`, which says how often. The one before is kept until
            the new one is whole; where writing fails, `CheckpointWarning` is given and learning goes on.
        resume
            Whether to go on from the checkpoint, to the same bits as without a stop; without a checkpoint
            yet, the fit begins; if it is finished, it is as it was then. Data and settings must be the same.
        log
            A file that ends in .csv or .jsonl: a line for each epoch of the history.
        compiled
            Whether epochs, and judging after each, run as machine code (made in a second or two, and kept on
            disk) or by the interpreter; values differ by rounding. None: each as machine code once so much
            of it has been asked of the network that it would keep the interpreter busy for about a second.
            `compiled` of the network tells what became of it.

        Returns
        -------
        History
            The same object as ``net.history``, one entry an epoch; its ``end`` says why the fit ended. Its
            accuracy is that on the training examples after the epoch (left out, as None, if they are read
            from a memory map).

        Raises
        ------
        DataError
            If data and network do not fit, or the data holds NaN or infinity.
        SettingError
            If a setting is impossible.
        NonFiniteCostError
            If the cost becomes NaN or infinite: says where; the last good parameters are kept.
        KeyboardInterrupt
            After Ctrl-C; what was learned up to the last whole mini-batch is kept.
        """
        settings = wanted(
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            optimizer=optimizer,
            schedule_=schedule,
            early_stopping=early_stopping,
            shuffle=shuffle,
            progress=progress,
            callbacks=callbacks,
            compiled=compiled,
            checkpoint=checkpoint,
            resume=resume,
            log=log,
        )
        targets = self.targets or self._infer(y, learning=True)
        examples = self._examples(x, y, targets)
        weights = example_weights(y, targets, sample_weight, class_weight)
        if weights is not None:
            examples = WeightedExamples(examples, weights)
        held_out = None if validation_data is None else self._examples(*pair_of(validation_data), targets)
        self._retrace()
        if callable(self.architecture.cost):
            # Refuses one that cannot be learned from before anything changes; two, to tell rows from numbers.
            self.architecture.cost_graph(2, weighted=examples.weighted)
        self.targets = targets

        def keep(values: list[Array]) -> None:
            self._values = values

        material = Material(examples, held_out, targets, judge_training)
        self._learning.run(
            settings, self._values, material, self._judging, self._shuffling, self.history, keep
        )
        return self.history

    def _infer(self, y: Any, *, learning: bool = False) -> Targets:
        a = self.architecture
        return infer_targets(y, a.sizes[-1], labels_expected=a.expects_labels, learning=learning)

    def _known_targets(self) -> Targets:
        if self.targets is not None:
            return self.targets
        outputs = self.architecture.sizes[-1]
        return Targets(outputs, np.arange(max(outputs, 2)) if self.architecture.expects_labels else None)

    def _examples(self, x: Any, y: Any, targets: Targets) -> Examples:
        table, given = examples_of(x, y, self.architecture.sizes[0])
        dtype = np.dtype(self.architecture.dtype)
        return Examples(
            table, given, self._scale(), lambda y, first: targets.encode(y, dtype, first), dtype.itemsize
        )

    def _scale(self) -> InputScale:
        return InputScale(self.scaling, self.architecture.dtype)

    def _retrace(self) -> None:
        """Forget what was made of a cost function: it may compute something else by now."""
        if callable(self.architecture.cost):
            self._programs.clear()
            self._learning.clear()
            self._judging.clear()

    # Files.

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to a safetensors file, wholly or not at all.

        The file holds the settings, labels, input scaling and `information` as plain data, and the
        parameters. A cost function of your own is not written; hand it to `load` again.

        Raises
        ------
        FileError
            If the file cannot be written; an earlier one is then untouched.
        """
        saved = Saved(self.architecture, self.parameters, self.targets, self.scaling, self.information)
        write(path, saved)
