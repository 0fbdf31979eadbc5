"""Texts of networks and training."""

TABLE = {
    "setting.positive": "{setting} must be a positive whole number, not {value!r}.",
    "setting.not_negative": "{setting} must be a whole number, 0 or more, not {value!r}.",
    "setting.rate": "{setting} must be a positive, finite number, not {value!r}. Try 0.1.",
    "setting.fraction": "{setting} must be a number from 0 to just below 1, not {value!r}. Try 0.9.",
    "setting.sizes": "sizes must name at least inputs and outputs, such as [64, 30, 10], not {value!r}.",
    "setting.activations": "{given} activations for {hidden} hidden layers. Give one name, or one for each layer.",
    "setting.probabilities": "cross_entropy compares probabilities, which the output {output} does not give. Use softmax "
    "or sigmoid.",
    "setting.softmax": "softmax needs at least two outputs. Use sigmoid for a single one.",
    "setting.dtype": "dtype must be float32 or float64, not {value!r}.",
    "setting.cost_function": "This network was saved with a cost of its own. Hand it over: cr.load(path, cost=…).",
    "setting.cost_value": "The cost {name} must return one number, not {value}. Take the mean over examples.",
    "setting.parameter": "There is no parameter {name!r}. {hint}",
    "setting.parameter_shape": "{name} must have shape {expected}, not {given}.",
    "targets.shape": "Targets of shape {given} do not fit {outputs} outputs. Give (m,) or (m, {outputs}).",
    "targets.words": "Targets must be numbers here, but there is {value!r}. Choose a cost for labels, such as "
    "cross_entropy.",
    "targets.not_finite": "Targets, row {row}, column {column} (both counted from 0): the value is {value}. Correct or "
    "remove the row.",
    "targets.unseen": "The label {label} was not seen in training; known: {known}. Correct it, or train with it.",
    "targets.one_hot": "Targets, row {row} (counted from 0): not one-hot, one entry must be 1 and all others 0.",
    "targets.one_class": "All targets are {label}: with one class there is nothing to learn. Add examples of another.",
    "targets.labels": "{found} labels ({names}) for {count} classes that the network can tell apart. Change the last "
    "of its sizes.",
    "fit.features": "The network takes {expected} features, but the data has {given}. Use the same columns.",
    "fit.table": "Inputs must be a table of shape (examples, features), not {given}.",
    "fit.not_numbers": "Inputs must be real numbers, not {dtype}.",
    "fit.ragged": "{name}: this is no table of numbers ({reason}). Give rows of equal length.",
    "fit.one_axis": "Inputs of shape {given} with several targets: is this one example or one column? Give a table; "
    "for one column write x.reshape(-1, 1).",
    "fit.array_kind": "{name}: a {kind} has arithmetic of its own. Convert it first: numpy.asarray, or .filled(…).",
    "fit.sparse": "{name}: a sparse {kind} cannot be used here, only for inputs. Convert it first: .toarray().",
    "fit.sparse_damaged": "x: the parts of this sparse table contradict each other ({reason}). Build it again.",
    "fit.missing": "{name}, row {row} (counted from 0): the value is {value}. Fill it in or remove the row.",
    "fit.mixed": "{name}: words and numbers are mixed. Make them all words, or all numbers.",
    "fit.too_large": "x, row {row}, column {column} (both counted from 0): {value} is too large for {dtype}. Scale it, or "
    "use dtype='float64'.",
    "fit.validation": "validation_data must be a pair (x, y), not {value}.",
    "targets.too_large": "Targets, row {row}, column {column} (both counted from 0): {value} is too large for {dtype}. "
    "Scale it, or use dtype='float64'.",
    "setting.cost_call": "The cost {name} cannot be called with (output, target): {reason}.",
    "setting.cost_constant": "The cost {name} does not depend on the network's output, so there is nothing to learn. "
    "Compute it from output and target.",
    "fit.no_rows": "There are no examples. Give at least one row.",
    "fit.count": "{rows} examples, but {targets} targets. They must be equally many.",
    "train.epoch_score": "Epoch {epoch}: {correct} / {total}",
    "train.epoch_cost": "Epoch {epoch}: cost {cost:.6g}",
    "train.epoch": "Epoch {epoch} complete",
    "train.not_finite": "The cost became NaN or infinite in epoch {epoch}, mini-batch {step} of {steps}, first at: "
    "{place}. The last good parameters are kept. Try a smaller learning rate.",
}
